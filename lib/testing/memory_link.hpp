// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/memory_stream.hpp>
#include <coloop/result.hpp>
#include <coloop/wait.hpp>

namespace coloop::testing {

/// One direction of a connection: what one end has sent and the other has not read.
class MemoryWay {
public:
    MemoryWay(const MemoryStreamOptions& options, const Describable& sender,
              const Describable& receiver) noexcept
        : options_(options),
          sender_(sender),
          receiver_(receiver),
          readable_("read", &receiver),
          writable_("write", &sender) {}

    Result<std::size_t> read(std::span<std::byte> buffer) noexcept;

    /// Waits while others write; sets `begun` once it is the caller's turn.
    Result<void> write(std::span<const std::span<const std::byte>> pieces, bool& begun) noexcept;
    Result<void> end() noexcept;

    /// The sender is closed.
    void close_sender() noexcept;

    /// The receiver is closed: nobody reads what comes.
    void close_receiver() noexcept;
    void reset() noexcept;

    void stall() noexcept { stalled_ = true; }

    void resume() noexcept;

    [[nodiscard]] std::size_t under_way() const noexcept { return under_way_; }

private:
    struct Packet {
        std::vector<std::byte> bytes;
        std::size_t taken;
        std::int64_t arrives;
    };

    [[nodiscard]] Error reading_error(std::error_code code) const;
    [[nodiscard]] Error writing_error(std::error_code code) const;
    [[nodiscard]] Result<void> may_write() const noexcept;
    Result<std::size_t> wait_and_read(std::span<std::byte> buffer) noexcept;
    void finish() noexcept;
    Result<void> write_piece(std::span<const std::byte> bytes);
    bool wait_readable() noexcept;
    [[nodiscard]] bool has_arrived() const noexcept;
    [[nodiscard]] bool has_ended() const noexcept;
    std::size_t take(std::span<std::byte> buffer) noexcept;

    const MemoryStreamOptions options_;
    const Describable& sender_;
    const Describable& receiver_;
    CoQueue readable_;
    CoQueue writable_;
    CoMutex turn_;  // each write is whole
    std::deque<Packet> packets_;
    std::size_t under_way_ = 0;
    std::int64_t end_arrives_ = 0;
    bool reading_ = false;
    bool ended_ = false;
    bool stalled_ = false;
    bool reset_ = false;
    bool sender_closed_ = false;
    bool receiver_closed_ = false;
};

/// What the two ends of a connection share.
struct MemoryLink {
    struct End final : Describable {
        explicit End(const char* text) noexcept : name(text) {}

        [[nodiscard]] std::string describe() const override { return name; }

        const char* name;
    };

    explicit MemoryLink(const MemoryStreamOptions& options) noexcept
        : ways{{options, ends[0], ends[1]}, {options, ends[1], ends[0]}} {}

    End ends[2]{End("the near memory stream"), End("the far memory stream")};
    MemoryWay ways[2];  // by their senders
};

}  // namespace coloop::testing

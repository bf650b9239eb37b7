// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include <coloop/export.hpp>
#include <coloop/result.hpp>
#include <coloop/stream.hpp>

namespace coloop::testing {

struct MemoryLink;

/// What lies between the two ends of a pair; the same in both directions.
struct MemoryStreamOptions {
    static constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

    /// How many bytes may be under way in one direction; a write waits while it is full. At
    /// least 1.
    std::size_t capacity = std::size_t{64} * 1024;

    /// How long bytes, and the end of the stream, are under way, by the loop's clock.
    std::chrono::nanoseconds latency{0};

    /// A read gets so many bytes at the most, even if there are more. At least 1.
    std::size_t longest_read = unlimited;

    /// A write hands over so many bytes at once; between two times the loop polls, and others see
    /// the first part without the rest. At least 1.
    std::size_t longest_write = unlimited;
};

/// One end of a connection inside the program: for tests of what speaks over a Stream, without the
/// system and with its troubles on demand.
///
/// Behaves as a TcpStream does, in errors, in cancelling and in what a second reader gets (EBUSY).
/// An end belongs to one loop's thread, to which the other end belongs as well. Works in a test and
/// in any coroutine of a loop. After the other end was closed, what it has written can be read, and
/// writing fails (broken pipe).
class COLOOP_EXPORT MemoryStream final : public Stream {
public:
    /// One that is not open.
    MemoryStream() noexcept = default;
    MemoryStream(MemoryStream&& other) noexcept = default;
    MemoryStream& operator=(MemoryStream&& other) noexcept;
    ~MemoryStream() override;

    void close() noexcept override;

    /// Breaks the connection: both ends' calls, the waiting ones too, fail (connection reset), and
    /// what was under way is lost.
    void reset() noexcept;

    /// Holds up what this end sends, from what is under way on: it arrives only after resume().
    void stall() noexcept;
    void resume() noexcept;

    /// How many bytes are under way to this end, those that have arrived included.
    [[nodiscard]] std::size_t unread() const noexcept;

private:
    friend COLOOP_EXPORT struct MemoryStreamPair memory_stream_pair(
        const MemoryStreamOptions& options);

    MemoryStream(std::shared_ptr<MemoryLink> link, std::size_t side) noexcept;

    Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override;
    Result<void> write_all(std::span<const std::span<const std::byte>> pieces) noexcept override;
    Result<void> end_writing() noexcept override;

    std::shared_ptr<MemoryLink> link_;
    std::size_t side_ = 0;
};

/// The two ends of a connection.
struct MemoryStreamPair {
    MemoryStream near;
    MemoryStream far;
};

/// Makes a connection.
///
///     auto [near, far] = memory_stream_pair({.latency = 80ms, .longest_read = 1});
[[nodiscard]] COLOOP_EXPORT MemoryStreamPair
memory_stream_pair(const MemoryStreamOptions& options = {});

}  // namespace coloop::testing

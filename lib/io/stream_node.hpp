// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include <coloop/result.hpp>

#include "io/descriptor_node.hpp"
#include "io/file_node.hpp"
#include "io/handle_node.hpp"
#include "io/kernel_copy.hpp"

namespace coloop {

/// Reading and writing of any uv_stream_t, once for TCP, pipes and terminals.
///
/// Reading is started by the first read and then stays on: libuv's alloc callback hands out the
/// waiting reader's own buffer, so a byte is copied once and a request costs one system call. When
/// data comes and nobody reads, the stream is only paused the second time in a row; a reader that
/// is merely queued is back before that, and pausing would cost two calls.
///
/// Writing tries at once, and only what the system does not take becomes a libuv request. While
/// none is pending, the descriptor is written to directly: libuv's own attempt would cost three
/// times what the rest of a write does.
class StreamNode : public HandleNode {
public:
    /// `stream` is the handle, which the derived class has.
    StreamNode(LoopState& state, uv_stream_t* stream) noexcept
        : HandleNode(state), stream_(stream) {}

    Result<std::size_t> read(std::span<std::byte> buffer) noexcept;
    /// Waits, without a buffer, until read() would find something, be it an end or an error.
    Result<void> wait_readable() noexcept;

    Result<void> write(std::span<const std::span<const std::byte>> pieces) noexcept;
    Result<void> shutdown() noexcept;

    /// Reads by system calls of `attempt()`'s own, which is called until it returns true; in
    /// between waits until there is something to read.
    Result<void> read_by(const char* operation, const std::function<bool()>& attempt) noexcept;

    /// Writes `bytes`, the first of them by system calls of `attempt()`'s own. It returns how many
    /// were taken, or a libuv code; after UV_EAGAIN it is called again when there is room.
    Result<void> write_by(const char* operation, std::span<const std::byte> bytes,
                          const std::function<std::ptrdiff_t()>& attempt) noexcept;

    /// What libuv has open; -1 if it is closing.
    [[nodiscard]] int descriptor() noexcept;
    /// Moves what lies ready to a pipe; 0 if nothing does, or if reading it will say why not.
    Result<std::size_t> move_to(const TransitPipe& pipe, std::size_t most) noexcept;

    /// Takes from a pipe what can be written without waiting; 0 if that is nothing.
    Result<std::size_t> take_from(const TransitPipe& pipe, std::size_t most) noexcept;

    /// Sends of a file, from `offset` on, what can be written without waiting, on the pool. Gives
    /// how much, or a negative code: UV_EAGAIN if that is nothing, others if reading the file and
    /// writing will say why not. `socket` is this stream's: libuv may close its own meanwhile.
    Result<std::int64_t> send_file(const DuplicateDescriptor& socket,
                                   const std::shared_ptr<FileNode>& file, std::int64_t offset,
                                   std::size_t most) noexcept;

    [[nodiscard]] DuplicateDescriptor duplicate() noexcept;

    [[nodiscard]] bool was_shut_down() const noexcept { return shut_down_; }

    /// An error of this stream: "read 127.0.0.1:80: connection reset".
    [[nodiscard]] Error error(int status, const char* operation) const;
    [[nodiscard]] Error error(std::error_code code, const char* operation) const;

protected:
    ~StreamNode() override = default;

    void wake_all() noexcept override;

private:
    // After so many operations that did not wait, others get a turn.
    static constexpr unsigned most_immediate = 64;

    // What the parts of an operation return beside counts and libuv's codes: an Error is made only
    // at the end, for it costs more than what it reports.
    static constexpr int was_cancelled = -100'001;
    static constexpr int was_closed = -100'002;

    static constexpr std::size_t largest_buffer = std::size_t{1} << 30;  // libuv refuses 2 GiB

    [[nodiscard]] uv_stream_t* stream() noexcept { return stream_; }

    // ---- stream_read.cpp; what is inline is for each request, the rest for what is unusual ----
    static void on_alloc(uv_handle_t* handle, std::size_t suggested, uv_buf_t* buffer) noexcept;
    static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) noexcept;
    void on_nothing_read(ssize_t count, bool without_buffer) noexcept;
    [[nodiscard]] inline bool may_read() const noexcept;
    [[nodiscard]] Error why_not(const char* operation) const noexcept;
    [[nodiscard]] Result<std::size_t> read_nothing() const noexcept;
    [[nodiscard]] Result<std::size_t> read_failed(ssize_t status) const noexcept;
    int start_reading() noexcept;
    void pause_reading() noexcept;
    ssize_t read_unusually(std::span<std::byte> buffer) noexcept;
    ssize_t take_read(std::span<std::byte> buffer) noexcept;
    inline ssize_t wait_read(std::span<std::byte> buffer) noexcept;

    // ---- stream_write.cpp, and stream_write_turn.cpp for what is unusual ----
    [[nodiscard]] inline bool may_write_at_once(std::span<const std::byte> bytes) const noexcept;
    int begin_write(const char* operation) noexcept;
    void end_write() noexcept;
    Result<void> end_writing() noexcept;
    Result<void> wait_writable(const char* operation) noexcept;
    Result<void> write_in_turn(std::span<const std::span<const std::byte>> pieces) noexcept;
    Result<void> write_on(std::span<const std::byte> bytes, ssize_t tried) noexcept;
    Result<void> write_pieces(std::span<const std::span<const std::byte>> pieces) noexcept;
    Result<void> write_batch(std::span<uv_buf_t> buffers, std::size_t bytes) noexcept;
    Result<void> write_after(std::span<uv_buf_t> buffers, ssize_t tried) noexcept;

    bool give_way() noexcept;

    /// What system calls of our own are to write to; -1 where libuv must be asked, as for what is
    /// not writable, or for a terminal, which may be in blocking mode.
    int direct_descriptor() noexcept;

    [[nodiscard]] Error failure(ssize_t status, const char* operation) const;

    uv_stream_t* const stream_;
    int direct_ = -1;         // see direct_descriptor(); not asked for yet, perhaps
    unsigned immediate_ = 0;  // operations since one last waited

    CoQueue reader_{"read", this};
    std::span<std::byte> target_;   // of the coroutine in reader_
    std::size_t received_ = 0;      // what it gets
    int read_error_ = 0;            // latched; UV_EOF is the end
    bool being_read_ = false;       // from the call to the return, woken or not
    bool reading_ = false;          // libuv reads when there is something
    bool data_waits_ = false;       // more may be there than was taken
    unsigned unread_in_a_row_ = 0;  // times that data came and nobody read

    CoQueue writers_{"write", this};
    NodePtr<DescriptorNode> room_;  // what a writer by itself watches
    bool writing_ = false;
    bool shut_down_ = false;
    bool over_ = false;  // closed by its own shutdown
};

}  // namespace coloop

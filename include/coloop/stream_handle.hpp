// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>
#include <span>

#include <coloop/descriptor.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>
#include <coloop/stream.hpp>

namespace coloop {

class StreamNode;
struct CopyEnds;

/// What TcpStream, PipeStream and Terminal have in common: a Stream that libuv has a handle for.
/// Belongs to the loop of the coroutine that made it, and may be moved between coroutines of that
/// loop. Moved from, or default-constructed, it is closed. The destructor closes it without
/// waiting; see Stream for how to end a connection so that nothing is lost.
class COLOOP_EXPORT StreamHandle : public Stream {
public:
    void close() noexcept override;

    [[nodiscard]] bool is_open() const noexcept;

    /// Another descriptor of the same connection, non-blocking as all of coloop's are: for options
    /// that coloop has no function for, or for another process. Throws Error if the stream is
    /// closed or the process has too many.
    [[nodiscard]] Descriptor duplicate_descriptor() const {
        return duplicate_descriptor(std::nothrow).value();
    }

    /// The same; returns the Error.
    [[nodiscard]] Result<Descriptor> duplicate_descriptor(std::nothrow_t tag) const noexcept;

    /// Closes the stream but not the connection, which the caller gets, non-blocking as it is.
    /// Coroutines that wait for the stream get an Error (closed); bytes are lost only to one that
    /// was writing. Throws Error as duplicate_descriptor() does, and the stream is as it was then.
    [[nodiscard]] Descriptor release_descriptor() {
        return release_descriptor(std::nothrow).value();
    }

    /// The same; returns the Error.
    [[nodiscard]] Result<Descriptor> release_descriptor(std::nothrow_t tag) noexcept;

protected:
    StreamHandle() noexcept = default;
    explicit StreamHandle(StreamNode* node) noexcept;
    StreamHandle(StreamHandle&& other) noexcept;
    StreamHandle& operator=(StreamHandle&& other) noexcept;
    ~StreamHandle() override;

    /// Null if it is empty.
    [[nodiscard]] StreamNode* node() const noexcept { return node_; }

    [[nodiscard]] Error closed(const char* operation) const;

private:
    friend struct CopyEnds;

    /// "a TcpStream", for errors of one that is empty.
    [[nodiscard]] virtual const char* type() const noexcept = 0;

    [[nodiscard]] Result<std::size_t> refuse_read() const noexcept;
    [[nodiscard]] Result<void> refuse_write() const noexcept;

    Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override;
    Result<void> write_all(std::span<const std::span<const std::byte>> pieces) noexcept override;
    Result<void> end_writing() noexcept override;

    StreamNode* node_ = nullptr;
};

}  // namespace coloop

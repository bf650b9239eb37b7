// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <string_view>

#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop {

/// Where bytes come from: sockets, pipes, files, memory.
///
/// Reading must be done in a coroutine. One coroutine at a time may read; a second one gets an
/// Error (device or resource busy).
class COLOOP_EXPORT Reader {
public:
    virtual ~Reader() = default;

    /// Waits until there are bytes, puts as many as there are and fit into `buffer`, and returns
    /// how many; 0 only at the end of the stream, or if `buffer` is empty. At the end it goes on
    /// returning 0.
    ///
    /// Throws Error if the system says so, or if another coroutine closes the object meanwhile, and
    /// Cancelled if the coroutine is cancelled before or while it waits; no bytes are lost then.
    std::size_t read(std::span<std::byte> buffer) { return read_some(buffer).value(); }

    /// The same; returns the Error, and Errc::cancelled instead of Cancelled.
    Result<std::size_t> read(std::span<std::byte> buffer, std::nothrow_t /*tag*/) noexcept {
        return read_some(buffer);
    }

    /// Fills `buffer`. Throws EndOfStream if the stream ends before that; what came is lost.
    void read_exactly(std::span<std::byte> buffer) { read_exactly(buffer, std::nothrow).value(); }

    /// The same; returns the Error, and Errc::end_of_stream instead of EndOfStream.
    Result<void> read_exactly(std::span<std::byte> buffer, std::nothrow_t tag) noexcept;

protected:
    Reader() = default;
    Reader(const Reader&) = default;
    Reader& operator=(const Reader&) = default;

private:
    virtual Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept = 0;
};

/// Where bytes go to.
///
/// Writing must be done in a coroutine. Several may write at once: they take turns in the order of
/// asking, and each write is whole.
class COLOOP_EXPORT Writer {
public:
    virtual ~Writer() = default;

    /// Writes all of `bytes`; waits while the receiver is slow. Nothing is kept: when it returns
    /// the system has the bytes.
    ///
    /// Throws Error if the system says so, or if another coroutine closes the object meanwhile, and
    /// Cancelled if the coroutine is cancelled before or while it waits. Part of the bytes may have
    /// been written then; a stream that was cancelled in the middle of a write is closed, and over
    /// TCP the peer gets a reset, so that it does not take what it got for all.
    void write(std::span<const std::byte> bytes) { write_all({&bytes, 1}).value(); }

    /// The same; returns the Error, and Errc::cancelled instead of Cancelled.
    Result<void> write(std::span<const std::byte> bytes, std::nothrow_t /*tag*/) noexcept {
        return write_all({&bytes, 1});
    }

    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

    Result<void> write(std::string_view text, std::nothrow_t tag) noexcept {
        return write(std::as_bytes(std::span(text)), tag);
    }

    /// Writes several pieces as if they were one, with as few system calls.
    void write(std::span<const std::span<const std::byte>> pieces) { write_all(pieces).value(); }

    /// The same; returns the Error.
    Result<void> write(std::span<const std::span<const std::byte>> pieces,
                       std::nothrow_t /*tag*/) noexcept {
        return write_all(pieces);
    }

protected:
    Writer() = default;
    Writer(const Writer&) = default;
    Writer& operator=(const Writer&) = default;

private:
    virtual Result<void> write_all(std::span<const std::span<const std::byte>> pieces) noexcept = 0;
};

/// Both directions, each of which can end on its own.
class COLOOP_EXPORT Stream : public Reader, public Writer {
public:
    /// Tells the peer that no more will be written, after all that was; reading goes on. Throws
    /// Error if the stream is not connected or this was done before. A coroutine that is cancelled
    /// meanwhile closes the stream.
    void shutdown_write() { end_writing().value(); }

    /// The same; returns the Error.
    Result<void> shutdown_write(std::nothrow_t /*tag*/) noexcept { return end_writing(); }

    /// Closes the stream and returns when that is done; the coroutines that wait for it get an
    /// Error (closed). Closing twice is fine. Not cancelled. What the system
    /// has not sent yet may be lost, and unread input makes it reset the connection: see
    /// graceful_close(). The destructor closes, too, without waiting.
    virtual void close() noexcept = 0;

    /// Ends writing, reads until the peer has done the same, and closes: nothing that either side
    /// has written is lost. Put it into with_timeout(), for the peer may never end.
    void graceful_close() { graceful_close(std::nothrow).value(); }

    /// The same; returns the Error; the stream is closed in any case.
    Result<void> graceful_close(std::nothrow_t tag) noexcept;

private:
    virtual Result<void> end_writing() noexcept = 0;
};

}  // namespace coloop

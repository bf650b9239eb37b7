// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>

#include <coloop/descriptor.hpp>
#include <coloop/export.hpp>
#include <coloop/file.hpp>
#include <coloop/result.hpp>
#include <coloop/stream.hpp>

namespace coloop {

/// The process's standard input, output or error, whatever it leads to: a terminal, a pipe, a
/// socket, a file. Belongs to the loop of the coroutine that made it; may be moved.
///
/// Other processes that share the descriptor notice nothing of it: terminals and pipes are opened
/// anew (a pipe of another user, which can't be, and files are left to libuv's thread pool), and
/// sockets stay in blocking mode. Nothing is buffered, so what write() has returned from is out
/// whatever happens next; what printf() or std::cout still hold comes after it. Errors name
/// "standard input" and so on; where there was nothing when the process began they are EBADF (bad
/// file descriptor).
class COLOOP_EXPORT StandardStream final : public Reader, public Writer {
public:
    StandardStream(StandardStream&& other) noexcept;
    StandardStream& operator=(StandardStream&& other) noexcept;
    ~StandardStream() override;

    [[nodiscard]] DescriptorKind kind() const noexcept { return kind_; }

    /// Ends what coroutines do with it, with an Error (closed), and gives back what it needs. The
    /// process's own descriptor stays open. Returns when that is done; not cancelled.
    void close() noexcept;

private:
    friend COLOOP_EXPORT Result<StandardStream> standard_input(std::nothrow_t tag) noexcept;
    friend COLOOP_EXPORT Result<StandardStream> standard_output(std::nothrow_t tag) noexcept;
    friend COLOOP_EXPORT Result<StandardStream> standard_error(std::nothrow_t tag) noexcept;

    StandardStream(int number, DescriptorKind kind) noexcept;

    static Result<StandardStream> open(int number) noexcept;
    [[nodiscard]] Error error(const char* operation) const;
    Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override;
    Result<void> write_all(std::span<const std::span<const std::byte>> pieces) noexcept override;

    int number_;
    DescriptorKind kind_;
    bool closed_ = false;
    std::unique_ptr<Stream> stream_;  // or else
    std::unique_ptr<File> file_;      // or neither, if there is nothing
};

/// Must be called in a coroutine. Throws Error if a terminal or pipe can't be opened anew because
/// there are too many descriptors.
[[nodiscard]] COLOOP_EXPORT StandardStream standard_input();
[[nodiscard]] COLOOP_EXPORT StandardStream standard_output();
[[nodiscard]] COLOOP_EXPORT StandardStream standard_error();

/// The same; return the Error.
COLOOP_EXPORT Result<StandardStream> standard_input(std::nothrow_t tag) noexcept;
COLOOP_EXPORT Result<StandardStream> standard_output(std::nothrow_t tag) noexcept;
COLOOP_EXPORT Result<StandardStream> standard_error(std::nothrow_t tag) noexcept;

}  // namespace coloop

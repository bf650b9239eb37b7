// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>

#include <coloop/export.hpp>
#include <coloop/file_info.hpp>
#include <coloop/path.hpp>
#include <coloop/result.hpp>
#include <coloop/stream.hpp>

namespace coloop {

class FileNode;
struct CopyEnds;

/// How a file is opened; combine with `|`.
enum class OpenMode : unsigned {
    read = 1U << 0,
    write = 1U << 1,  ///< over what is there, from the beginning; the file must exist
    read_write = read | write,
    append = 1U << 2,     ///< each write goes to the end; implies `write`
    create = 1U << 3,     ///< makes the file if there is none
    exclusive = 1U << 4,  ///< fails if there is one; implies `create`
    truncate = 1U << 5,   ///< throws away what is in it; goes with `write`
};

[[nodiscard]] constexpr OpenMode operator|(OpenMode one, OpenMode other) noexcept {
    return static_cast<OpenMode>(static_cast<unsigned>(one) | static_cast<unsigned>(other));
}

/// True if `mode` has any of the bits of `wanted`.
[[nodiscard]] constexpr bool has(OpenMode mode, OpenMode wanted) noexcept {
    return (static_cast<unsigned>(mode) & static_cast<unsigned>(wanted)) != 0;
}

/// What the system calls an open file: a file descriptor (of the C runtime, on Windows).
enum class NativeFile : int {};

/// An open file.
///
/// What the page cache holds is read on the spot; all else goes to libuv's thread pool
/// (UV_THREADPOOL_SIZE threads, 4 by default, for the whole process), and the coroutine waits. All
/// members but the plain questions must be called in a coroutine of a loop. Reading and writing at
/// the file's position is for one reader, as in Reader, and for writers that take turns; read_at()
/// and write_at() have no position and may be many at once. One thread at a time may use a File;
/// it is not tied to a loop.
///
/// Errors name what was done to what: "open /etc/nothere: no such file or directory". On a File
/// that is not open they are Errc::closed.
///
/// Cancelling: nothing is begun for a cancelled coroutine, and what waits for a free thread is
/// taken back. Reads and writes that a thread has begun use the caller's memory and are waited for,
/// then count as done if they succeed; anything else is left to the pool, and the caller goes on
/// with Cancelled. So don't read terminals and pipes with it that may stay silent.
///
/// Destroying a File closes it without waiting, and after what the pool still does with it; call
/// close() to learn whether a file system that writes late, like NFS, has failed.
class COLOOP_EXPORT File final : public Reader, public Writer {
public:
    /// One that is not open.
    File() noexcept;
    File(File&& other) noexcept;
    File& operator=(File&& other) noexcept;
    ~File() override;

    /// Opens the file at `path`. A file that is made gets `permissions` without what the process's
    /// umask takes away. Child processes don't inherit it. Opening a FIFO takes a thread of the
    /// pool until somebody opens the other end. A file that a cancelled open has opened is closed
    /// again.
    [[nodiscard]] static File open(const Path& path, OpenMode mode = OpenMode::read,
                                   unsigned permissions = 0644) {
        return open(path, mode, permissions, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<File> open(const Path& path, OpenMode mode, unsigned permissions,
                             std::nothrow_t tag) noexcept;

    static Result<File> open(const Path& path, OpenMode mode, std::nothrow_t tag) noexcept {
        return open(path, mode, 0644, tag);
    }

    static Result<File> open(const Path& path, std::nothrow_t tag) noexcept {
        return open(path, OpenMode::read, tag);
    }

    /// Opens the file at `path` for writing, made if there is none, empty if there is one.
    [[nodiscard]] static File create(const Path& path) {
        return create(path, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<File> create(const Path& path, std::nothrow_t tag) noexcept {
        return open(path, OpenMode::write | OpenMode::create | OpenMode::truncate, tag);
    }

    /// Takes over a file that something else has opened. `name` is for errors.
    [[nodiscard]] static File adopt(NativeFile file, std::string_view name) noexcept;

    /// The process's own, which is not closed with it.
    [[nodiscard]] static File standard_input() noexcept;
    [[nodiscard]] static File standard_output() noexcept;
    [[nodiscard]] static File standard_error() noexcept;

    using Reader::read;

    /// Fills `pieces` in order, as if they were one buffer, with one system call.
    std::size_t read(std::span<const std::span<std::byte>> pieces) {
        return read(pieces, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<std::size_t> read(std::span<const std::span<std::byte>> pieces,
                             std::nothrow_t tag) noexcept;

    /// Reads from `offset` on, in bytes from the beginning, and leaves the position alone. Returns
    /// how many bytes there were, which may be fewer than fit; 0 at the end of the file and behind
    /// it. Throws Error if the file can't seek.
    std::size_t read_at(std::span<std::byte> buffer, std::uint64_t offset) {
        return read_at(buffer, offset, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<std::size_t> read_at(std::span<std::byte> buffer, std::uint64_t offset,
                                std::nothrow_t tag) noexcept {
        return read_at({&buffer, 1}, offset, tag);
    }

    /// Fills `pieces` in order.
    std::size_t read_at(std::span<const std::span<std::byte>> pieces, std::uint64_t offset) {
        return read_at(pieces, offset, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<std::size_t> read_at(std::span<const std::span<std::byte>> pieces, std::uint64_t offset,
                                std::nothrow_t tag) noexcept;

    /// Writes all of `bytes` from `offset` on, and leaves the position alone; what is between the
    /// old end and there becomes zeros. A file opened with OpenMode::append gets them at its end
    /// on Linux all the same. After an Error or Cancelled, part of the bytes may have been written.
    void write_at(std::span<const std::byte> bytes, std::uint64_t offset) {
        write_at(bytes, offset, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<void> write_at(std::span<const std::byte> bytes, std::uint64_t offset,
                          std::nothrow_t tag) noexcept {
        return write_at({&bytes, 1}, offset, tag);
    }

    /// Writes `pieces` in order.
    void write_at(std::span<const std::span<const std::byte>> pieces, std::uint64_t offset) {
        write_at(pieces, offset, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<void> write_at(std::span<const std::span<const std::byte>> pieces, std::uint64_t offset,
                          std::nothrow_t tag) noexcept;

    /// Returns when all that was written is on the disk.
    void sync() { sync(std::nothrow).value(); }

    Result<void> sync(std::nothrow_t tag) noexcept;

    /// The same for the bytes and what is needed to read them; the times of the file may be lost in
    /// a crash.
    void data_sync() { data_sync(std::nothrow).value(); }

    Result<void> data_sync(std::nothrow_t tag) noexcept;

    [[nodiscard]] FileInfo stat() { return stat(std::nothrow).value(); }

    Result<FileInfo> stat(std::nothrow_t tag) noexcept;

    /// Makes the file `size` bytes long: cuts it off, or adds zeros. Leaves the position alone.
    void truncate(std::uint64_t size) { truncate(size, std::nothrow).value(); }

    Result<void> truncate(std::uint64_t size, std::nothrow_t tag) noexcept;

    /// Sets who may do what; `permissions` as in 0644.
    void chmod(unsigned permissions) { chmod(permissions, std::nothrow).value(); }

    Result<void> chmod(unsigned permissions, std::nothrow_t tag) noexcept;

    /// Gives the file to a user and a group, by their numbers.
    void chown(unsigned owner, unsigned group) { chown(owner, group, std::nothrow).value(); }

    Result<void> chown(unsigned owner, unsigned group, std::nothrow_t tag) noexcept;

    /// Sets the times; about a microsecond exact.
    void utime(FileTime accessed, FileTime modified) {
        utime(accessed, modified, std::nothrow).value();
    }

    Result<void> utime(FileTime accessed, FileTime modified, std::nothrow_t tag) noexcept;

    /// Closes the file when the requests on it that are under way have ended, and returns then. The
    /// File is not open any more from the moment of the call, whatever comes of it. Throws Error if
    /// the system could not keep what was written. A cancelled coroutine doesn't wait: the file is
    /// closed without it. Closing twice is fine.
    void close() { close(std::nothrow).value(); }

    Result<void> close(std::nothrow_t tag) noexcept;

    [[nodiscard]] bool is_open() const noexcept;

    /// The path it was opened with; empty if it is not open.
    [[nodiscard]] std::string_view name() const noexcept;

    /// For what coloop does not wrap; it must be open. The File goes on owning it.
    [[nodiscard]] NativeFile native_handle() const noexcept;

    /// Gives the open file away: the caller must close it, and this File is not open any more.
    /// Nothing may be under way on it.
    [[nodiscard]] NativeFile release() noexcept;

private:
    friend struct CopyEnds;

    explicit File(std::shared_ptr<FileNode> node) noexcept;

    Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override;
    Result<void> write_all(std::span<const std::span<const std::byte>> pieces) noexcept override;

    std::shared_ptr<FileNode> node_;
};

}  // namespace coloop

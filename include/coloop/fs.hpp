// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coloop/export.hpp>
#include <coloop/file.hpp>
#include <coloop/file_info.hpp>
#include <coloop/path.hpp>
#include <coloop/result.hpp>

/// What is done to files by their paths.
///
/// Each function runs on libuv's thread pool while the calling coroutine waits; it must be called
/// in a coroutine of a loop. It throws Error, which names operation and path ("unlink /tmp/x: no
/// such file or directory"), or with std::nothrow returns it. For a cancelled coroutine nothing is
/// begun, and what waits for a free thread is taken back; what a thread has begun with is left to
/// it, and takes effect although the caller goes on with Cancelled at once. Whatever memory such a
/// function needs is its own.
namespace coloop::fs {

/// About the file at `path`, or that a symbolic link there points to.
[[nodiscard]] COLOOP_EXPORT Result<FileInfo> stat(const Path& path, std::nothrow_t tag) noexcept;

[[nodiscard]] inline FileInfo stat(const Path& path) { return stat(path, std::nothrow).value(); }

/// About what is at `path`, also if that is a symbolic link.
[[nodiscard]] COLOOP_EXPORT Result<FileInfo> lstat(const Path& path, std::nothrow_t tag) noexcept;

[[nodiscard]] inline FileInfo lstat(const Path& path) { return lstat(path, std::nothrow).value(); }

/// About the file system that `path` is on.
[[nodiscard]] COLOOP_EXPORT Result<SpaceInfo> statfs(const Path& path, std::nothrow_t tag) noexcept;

[[nodiscard]] inline SpaceInfo statfs(const Path& path) {
    return statfs(path, std::nothrow).value();
}

/// What a process may want to do with a file; combine with `|`.
enum class Access : unsigned { exists = 0, execute = 1, write = 2, read = 4 };

[[nodiscard]] constexpr Access operator|(Access one, Access other) noexcept {
    return static_cast<Access>(static_cast<unsigned>(one) | static_cast<unsigned>(other));
}

/// Fails if this process's real user may not do `wanted` with the file. Opening it answers better:
/// this may be outdated when it returns.
COLOOP_EXPORT Result<void> access(const Path& path, Access wanted, std::nothrow_t tag) noexcept;

inline void access(const Path& path, Access wanted = Access::exists) {
    access(path, wanted, std::nothrow).value();
}

/// Removes a name of a file, not a directory's; the file goes with its last one.
COLOOP_EXPORT Result<void> unlink(const Path& path, std::nothrow_t tag) noexcept;

inline void unlink(const Path& path) { unlink(path, std::nothrow).value(); }

/// Makes a directory; its parent must exist. `permissions` without what the process's umask takes
/// away.
COLOOP_EXPORT Result<void> mkdir(const Path& path, unsigned permissions,
                                 std::nothrow_t tag) noexcept;

inline Result<void> mkdir(const Path& path, std::nothrow_t tag) noexcept {
    return mkdir(path, 0755, tag);
}

inline void mkdir(const Path& path, unsigned permissions = 0755) {
    mkdir(path, permissions, std::nothrow).value();
}

/// Removes an empty directory.
COLOOP_EXPORT Result<void> rmdir(const Path& path, std::nothrow_t tag) noexcept;

inline void rmdir(const Path& path) { rmdir(path, std::nothrow).value(); }

/// Gives what is at `from` the name `to`, in place of what has that name, on the same file system.
COLOOP_EXPORT Result<void> rename(const Path& from, const Path& to, std::nothrow_t tag) noexcept;

inline void rename(const Path& from, const Path& to) { rename(from, to, std::nothrow).value(); }

/// Gives `file` the further name `name`.
COLOOP_EXPORT Result<void> link(const Path& file, const Path& name, std::nothrow_t tag) noexcept;

inline void link(const Path& file, const Path& name) { link(file, name, std::nothrow).value(); }

/// Makes the symbolic link `name`, which stands for `target`; that need not exist, and counts from
/// the link's directory if it is relative.
COLOOP_EXPORT Result<void> symlink(const Path& target, const Path& name,
                                   std::nothrow_t tag) noexcept;

inline void symlink(const Path& target, const Path& name) {
    symlink(target, name, std::nothrow).value();
}

/// What the symbolic link at `path` stands for.
[[nodiscard]] COLOOP_EXPORT Result<std::string> readlink(const Path& path,
                                                         std::nothrow_t tag) noexcept;

[[nodiscard]] inline std::string readlink(const Path& path) {
    return readlink(path, std::nothrow).value();
}

/// The absolute path of an existing file without symbolic links, `.` and `..`.
[[nodiscard]] COLOOP_EXPORT Result<std::string> realpath(const Path& path,
                                                         std::nothrow_t tag) noexcept;

[[nodiscard]] inline std::string realpath(const Path& path) {
    return realpath(path, std::nothrow).value();
}

/// Sets who may do what; `permissions` as in 0644.
COLOOP_EXPORT Result<void> chmod(const Path& path, unsigned permissions,
                                 std::nothrow_t tag) noexcept;

inline void chmod(const Path& path, unsigned permissions) {
    chmod(path, permissions, std::nothrow).value();
}

/// Gives the file to a user and a group, by their numbers.
COLOOP_EXPORT Result<void> chown(const Path& path, unsigned owner, unsigned group,
                                 std::nothrow_t tag) noexcept;

inline void chown(const Path& path, unsigned owner, unsigned group) {
    chown(path, owner, group, std::nothrow).value();
}

/// The same, also if what is at `path` is a symbolic link.
COLOOP_EXPORT Result<void> lchown(const Path& path, unsigned owner, unsigned group,
                                  std::nothrow_t tag) noexcept;

inline void lchown(const Path& path, unsigned owner, unsigned group) {
    lchown(path, owner, group, std::nothrow).value();
}

/// Sets the times; about a microsecond exact.
COLOOP_EXPORT Result<void> utime(const Path& path, FileTime accessed, FileTime modified,
                                 std::nothrow_t tag) noexcept;

inline void utime(const Path& path, FileTime accessed, FileTime modified) {
    utime(path, accessed, modified, std::nothrow).value();
}

/// The same, also if what is at `path` is a symbolic link.
COLOOP_EXPORT Result<void> lutime(const Path& path, FileTime accessed, FileTime modified,
                                  std::nothrow_t tag) noexcept;

inline void lutime(const Path& path, FileTime accessed, FileTime modified) {
    lutime(path, accessed, modified, std::nothrow).value();
}

/// How a file is copied; combine with `|`.
enum class CopyMode : unsigned {
    replace = 0,          ///< an existing file loses its content
    exclusive = 1U << 0,  ///< an existing file is an error
    share = 1U << 1,      ///< not being able to share the blocks is an error
};

[[nodiscard]] constexpr CopyMode operator|(CopyMode one, CopyMode other) noexcept {
    return static_cast<CopyMode>(static_cast<unsigned>(one) | static_cast<unsigned>(other));
}

[[nodiscard]] constexpr bool has(CopyMode mode, CopyMode wanted) noexcept {
    return (static_cast<unsigned>(mode) & static_cast<unsigned>(wanted)) != 0;
}

/// Copies content and permissions; shares the blocks where the file system can. If it fails, what
/// was copied is removed again.
COLOOP_EXPORT Result<void> copy_file(const Path& from, const Path& to, CopyMode mode,
                                     std::nothrow_t tag) noexcept;

inline Result<void> copy_file(const Path& from, const Path& to, std::nothrow_t tag) noexcept {
    return copy_file(from, to, CopyMode::replace, tag);
}

inline void copy_file(const Path& from, const Path& to, CopyMode mode = CopyMode::replace) {
    copy_file(from, to, mode, std::nothrow).value();
}

/// Makes a directory that only this user may enter, and returns its path: `prefix` and six
/// characters that make it new, as in "/tmp/build-aX3f9Q". One that a cancelled call has made is
/// removed again.
[[nodiscard]] COLOOP_EXPORT Result<std::string> mkdtemp(const Path& prefix,
                                                        std::nothrow_t tag) noexcept;

[[nodiscard]] inline std::string mkdtemp(const Path& prefix) {
    return mkdtemp(prefix, std::nothrow).value();
}

struct NewFile {
    File file;
    std::string path;
};

/// Makes a file that only this user may use, open for reading and writing, with a path like
/// mkdtemp()'s. Whoever calls it removes the file in the end; one that a cancelled call has made is
/// removed again.
[[nodiscard]] COLOOP_EXPORT Result<NewFile> mkstemp(const Path& prefix,
                                                    std::nothrow_t tag) noexcept;

[[nodiscard]] inline NewFile mkstemp(const Path& prefix) {
    return mkstemp(prefix, std::nothrow).value();
}

struct DirectoryEntry {
    std::string name;
    FileKind kind;  ///< unknown if the file system doesn't tell; then lstat() does
};

/// What is in a directory, by name, without `.` and `..`.
[[nodiscard]] COLOOP_EXPORT Result<std::vector<DirectoryEntry>> scandir(
    const Path& path, std::nothrow_t tag) noexcept;

[[nodiscard]] inline std::vector<DirectoryEntry> scandir(const Path& path) {
    return scandir(path, std::nothrow).value();
}

/// All that is in a file. Throws Error (not enough memory) if that is too much.
[[nodiscard]] COLOOP_EXPORT Result<std::string> read_file(const Path& path,
                                                          std::nothrow_t tag) noexcept;

[[nodiscard]] inline std::string read_file(const Path& path) {
    return read_file(path, std::nothrow).value();
}

/// Makes `bytes` the content of the file at `path`, all or nothing: others see the old file or the
/// new one, and so does who looks after a crash. An existing file's permissions are kept, but not
/// its other names; a symbolic link is replaced by the file. Needs room for both and the right to
/// add files to the directory. If it fails or is cancelled, no trace is left; a cancelled call may
/// have replaced the file, though.
COLOOP_EXPORT Result<void> write_file(const Path& path, std::span<const std::byte> bytes,
                                      std::nothrow_t tag) noexcept;

inline Result<void> write_file(const Path& path, std::string_view text,
                               std::nothrow_t tag) noexcept {
    return write_file(path, std::as_bytes(std::span(text)), tag);
}

inline void write_file(const Path& path, std::span<const std::byte> bytes) {
    write_file(path, bytes, std::nothrow).value();
}

inline void write_file(const Path& path, std::string_view text) {
    write_file(path, text, std::nothrow).value();
}

}  // namespace coloop::fs

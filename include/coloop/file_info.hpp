// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

namespace coloop {

/// Points in time as file systems count them, in nanoseconds since 1970 in UTC.
using FileTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

enum class FileKind : std::uint8_t {
    unknown,
    regular,
    directory,
    symbolic_link,
    fifo,
    socket,
    character_device,
    block_device,
};

/// What the file system knows about a file; a value, as of when it was asked for.
struct FileInfo {
    FileKind kind = FileKind::unknown;
    std::uint64_t size = 0;            ///< in bytes
    std::uint64_t disk_size = 0;       ///< bytes that it takes on the disk
    std::uint64_t block_size = 0;      ///< the best size for reading and writing, in bytes
    unsigned permissions = 0;          ///< the bits of chmod, 07777 at the most
    std::uint64_t owner = 0;           ///< the user's number
    std::uint64_t group = 0;           ///< the group's number
    std::uint64_t links = 0;           ///< how many names it has
    std::uint64_t device = 0;          ///< which file system it is on
    std::uint64_t inode = 0;           ///< its number there; with `device` it tells files apart
    std::uint64_t special_device = 0;  ///< which device it stands for, if it is a device
    FileTime accessed;
    FileTime modified;  ///< when its content changed
    FileTime changed;   ///< when its content or what is known about it changed
    FileTime created;   ///< the time of `changed` where the system does not know

    [[nodiscard]] bool is_regular() const noexcept { return kind == FileKind::regular; }

    [[nodiscard]] bool is_directory() const noexcept { return kind == FileKind::directory; }

    [[nodiscard]] bool is_symbolic_link() const noexcept { return kind == FileKind::symbolic_link; }
};

/// How full a file system is.
struct SpaceInfo {
    std::uint64_t type = 0;        ///< which kind of file system; the system's own number
    std::uint64_t block_size = 0;  ///< in bytes
    std::uint64_t capacity = 0;    ///< in bytes
    std::uint64_t free = 0;        ///< in bytes
    std::uint64_t available = 0;   ///< bytes that are free for ordinary users
    std::uint64_t files = 0;       ///< how many it can hold
    std::uint64_t free_files = 0;  ///< how many more it can hold
};

}  // namespace coloop

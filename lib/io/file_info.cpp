// SPDX-License-Identifier: MIT
#include "io/file_info.hpp"

namespace coloop {

namespace {

// libuv has these bits on every system, but names for them on Unix only.
constexpr std::uint64_t kind_bits = 0170000;
constexpr std::uint64_t permission_bits = 07777;

// POSIX counts the blocks of st_blocks so, whatever the block size is.
constexpr std::uint64_t disk_unit = 512;

FileKind kind_from(std::uint64_t mode) noexcept {
    switch (mode & kind_bits) {
        case 0100000:
            return FileKind::regular;
        case 0040000:
            return FileKind::directory;
        case 0120000:
            return FileKind::symbolic_link;
        case 0010000:
            return FileKind::fifo;
        case 0140000:
            return FileKind::socket;
        case 0020000:
            return FileKind::character_device;
        case 0060000:
            return FileKind::block_device;
        default:
            return FileKind::unknown;
    }
}

FileTime time_from(const uv_timespec_t& time) noexcept {
    return FileTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace

FileInfo info_from(const uv_stat_t& stat) noexcept {
    FileInfo info;
    info.kind = kind_from(stat.st_mode);
    info.size = stat.st_size;
    info.disk_size = stat.st_blocks * disk_unit;
    info.block_size = stat.st_blksize;
    info.permissions = static_cast<unsigned>(stat.st_mode & permission_bits);
    info.owner = stat.st_uid;
    info.group = stat.st_gid;
    info.links = stat.st_nlink;
    info.device = stat.st_dev;
    info.inode = stat.st_ino;
    info.special_device = stat.st_rdev;
    info.accessed = time_from(stat.st_atim);
    info.modified = time_from(stat.st_mtim);
    info.changed = time_from(stat.st_ctim);
    info.created = time_from(stat.st_birthtim);
    return info;
}

SpaceInfo info_from(const uv_statfs_t& statfs) noexcept {
    SpaceInfo info;
    info.type = statfs.f_type;
    info.block_size = statfs.f_bsize;
    info.capacity = statfs.f_blocks * statfs.f_bsize;
    info.free = statfs.f_bfree * statfs.f_bsize;
    info.available = statfs.f_bavail * statfs.f_bsize;
    info.files = statfs.f_files;
    info.free_files = statfs.f_ffree;
    return info;
}

FileKind kind_from(uv_dirent_type_t type) noexcept {
    switch (type) {
        case UV_DIRENT_FILE:
            return FileKind::regular;
        case UV_DIRENT_DIR:
            return FileKind::directory;
        case UV_DIRENT_LINK:
            return FileKind::symbolic_link;
        case UV_DIRENT_FIFO:
            return FileKind::fifo;
        case UV_DIRENT_SOCKET:
            return FileKind::socket;
        case UV_DIRENT_CHAR:
            return FileKind::character_device;
        case UV_DIRENT_BLOCK:
            return FileKind::block_device;
        case UV_DIRENT_UNKNOWN:
            break;
    }
    return FileKind::unknown;
}

double seconds_from(FileTime time) noexcept {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace coloop

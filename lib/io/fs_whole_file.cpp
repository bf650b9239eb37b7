// SPDX-License-Identifier: MIT
//
// Files as a whole. A new content is written to a file beside the old one, which then takes the old
// one's name; so nobody sees half of it.
#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>

#include <coloop/cancel_scope.hpp>
#include <coloop/fs.hpp>
#include <coloop/uv_error.hpp>

#include "io/fs_request.hpp"

namespace coloop::fs {

namespace {

// How much to ask for when the file system doesn't say how long the file is, as in /proc.
constexpr std::size_t smallest_room = 4096;

bool make_room(std::string& content, std::size_t size) noexcept {
    try {
        content.resize(size);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    } catch (const std::length_error&) {
        return false;
    }
}

void remove_unwanted(LoopState& state, const uv_fs_t& request) {
    forget_fs(&state, uv_fs_close, static_cast<uv_file>(request.result));
    forget_fs(&state, uv_fs_unlink, request.path);
}

/// Opens a new file beside `path`.
Result<NewFile> create_beside(const Path& path) noexcept {
    constexpr int flags = UV_FS_O_WRONLY | UV_FS_O_CREAT | UV_FS_O_EXCL;
    for (;;) {
        std::string name = path.string() + "." + std::to_string(uv_hrtime()) + ".new";
        const Result<FsAnswer> answer =
            call_on_path("create", name, remove_unwanted, uv_fs_open, flags, 0666);
        if (answer) {
            const NativeFile file{static_cast<int>((*answer)->uv.result)};
            return NewFile{File::adopt(file, name), std::move(name)};
        }
        if (answer.error().code() != std::errc::file_exists) {
            return Error(answer.error().code(), "create a file beside", path.string());
        }
    }
}

/// Writes all that is to be in the file at `path`, and makes sure that it's on the disk.
Result<void> fill(File& file, const Path& path, std::span<const std::byte> bytes) noexcept {
    const Result<FileInfo> old = stat(path, std::nothrow);
    if (old) {
        if (Result<void> done = file.chmod(old->permissions, std::nothrow); !done) {
            return done;
        }
    }
    if (Result<void> done = file.write(bytes, std::nothrow); !done) {
        return done;
    }
    if (Result<void> done = file.sync(std::nothrow); !done) {
        return done;
    }
    return file.close(std::nothrow);
}

}  // namespace

Result<std::string> read_file(const Path& path, std::nothrow_t tag) noexcept {
    Result<File> file = File::open(path, tag);
    if (!file) {
        return file.error();
    }
    const Result<FileInfo> info = file->stat(tag);
    if (!info) {
        return info.error();
    }
    std::string content;
    std::size_t length = 0;
    // One byte more than the size, so that the end is found without another round.
    std::size_t room = std::max<std::size_t>(info->size + 1, smallest_room);
    for (;;) {
        if (!make_room(content, room)) {
            return Error(uv_code(UV_ENOMEM), "read", path.string());
        }
        const Result<std::size_t> count =
            file->read(std::as_writable_bytes(std::span(content).subspan(length)), tag);
        if (!count) {
            return count.error();
        }
        length += *count;
        if (*count == 0) {
            content.resize(length);
            return content;
        }
        room = length == room ? room * 2 : room;
    }
}

Result<void> write_file(const Path& path, std::span<const std::byte> bytes,
                        std::nothrow_t tag) noexcept {
    Result<NewFile> created = create_beside(path);
    if (!created) {
        return created.error();
    }
    Result<void> written = fill(created->file, path, bytes);
    if (written) {
        written = rename(created->path, path, tag);
    }
    if (!written) {
        const CancelScope shield(CancelScope::Kind::shield);
        static_cast<void>(unlink(created->path, tag));
    }
    return written;
}

}  // namespace coloop::fs

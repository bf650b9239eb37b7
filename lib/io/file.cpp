// SPDX-License-Identifier: MIT
#include <limits>
#include <string>
#include <utility>

#include <coloop/file.hpp>
#include <coloop/uv_error.hpp>

#include "base/misuse.hpp"
#include "io/file_info.hpp"
#include "io/file_node.hpp"
#include "io/file_transfer.hpp"
#include "io/fs_request.hpp"

namespace coloop {

namespace {

using FilePtr = std::shared_ptr<FileNode>;

Error not_open(const char* operation) {
    return {Errc::closed, operation, "a File that is not open"};
}

/// libuv's form of an offset or size; negative if it has none.
std::int64_t signed_offset(std::uint64_t offset) noexcept {
    return offset > std::numeric_limits<std::int64_t>::max() ? -1
                                                             : static_cast<std::int64_t>(offset);
}

int open_flags(OpenMode mode) noexcept {
    const bool writes = has(mode, OpenMode::write | OpenMode::append);
    int flags = has(mode, OpenMode::read) ? (writes ? UV_FS_O_RDWR : UV_FS_O_RDONLY)
                                          : (writes ? UV_FS_O_WRONLY : UV_FS_O_RDONLY);
    flags |= has(mode, OpenMode::append) ? UV_FS_O_APPEND : 0;
    flags |= has(mode, OpenMode::create | OpenMode::exclusive) ? UV_FS_O_CREAT : 0;
    flags |= has(mode, OpenMode::exclusive) ? UV_FS_O_EXCL : 0;
    flags |= has(mode, OpenMode::truncate) ? UV_FS_O_TRUNC : 0;
    return flags;
}

void close_unwanted(LoopState& state, const uv_fs_t& request) {
    forget_fs(&state, uv_fs_close, static_cast<uv_file>(request.result));
}

FilePtr standard(int file, const char* name) {
    return std::make_shared<FileNode>(file, name, FileNode::Ownership::borrowed);
}

/// An operation on an open file that brings nothing but success.
template <typename Start, typename... Arguments>
Result<void> change(const FilePtr& file, const char* operation, Start start,
                    Arguments... arguments) noexcept {
    if (file == nullptr) {
        return not_open(operation);
    }
    file->written = true;
    return without_value(
        call_fs({operation, *file}, FileUse(file), start, file->file(), arguments...));
}

}  // namespace

File::File() noexcept = default;
File::File(File&& other) noexcept = default;
File& File::operator=(File&& other) noexcept = default;
File::~File() = default;

File::File(std::shared_ptr<FileNode> node) noexcept : node_(std::move(node)) {}

Result<File> File::open(const Path& path, OpenMode mode, unsigned permissions,
                        std::nothrow_t /*tag*/) noexcept {
    return taken_from(call_on_path("open", path, close_unwanted, uv_fs_open, open_flags(mode),
                                   static_cast<int>(permissions)),
                      [&](const uv_fs_t& request) {
                          return adopt(NativeFile{static_cast<int>(request.result)}, path.string());
                      });
}

File File::adopt(NativeFile file, std::string_view name) noexcept {
    return File(std::make_shared<FileNode>(static_cast<uv_file>(file), std::string(name),
                                           FileNode::Ownership::owned));
}

File File::standard_input() noexcept { return File(standard(0, "standard input")); }

File File::standard_output() noexcept { return File(standard(1, "standard output")); }

File File::standard_error() noexcept { return File(standard(2, "standard error")); }

Result<std::size_t> File::read_some(std::span<std::byte> buffer) noexcept {
    return read({&buffer, 1}, std::nothrow);
}

Result<std::size_t> File::read(std::span<const std::span<std::byte>> pieces,
                               std::nothrow_t /*tag*/) noexcept {
    const FilePtr file = node_;
    if (file == nullptr) {
        return not_open("read");
    }
    if (file->reading) {
        return fs_error({"read", *file}, UV_EBUSY);
    }
    file->reading = true;
    Result<std::size_t> count = read_pieces(file, pieces, at_position);
    file->reading = false;
    return count;
}

Result<std::size_t> File::read_at(std::span<const std::span<std::byte>> pieces,
                                  std::uint64_t offset, std::nothrow_t /*tag*/) noexcept {
    const FilePtr file = node_;
    if (file == nullptr) {
        return not_open("read");
    }
    if (signed_offset(offset) < 0) {
        return fs_error({"read", *file}, UV_EINVAL);
    }
    return read_pieces(file, pieces, signed_offset(offset));
}

Result<void> File::write_all(std::span<const std::span<const std::byte>> pieces) noexcept {
    const FilePtr file = node_;
    if (file == nullptr) {
        return not_open("write");
    }
    LoopState::current("write");
    try {
        file->writing.lock();
    } catch (const Cancelled&) {
        return fs_error({"write", *file}, Errc::cancelled);
    }
    Result<void> written = write_pieces(file, pieces, at_position);
    file->writing.unlock();
    return written;
}

Result<void> File::write_at(std::span<const std::span<const std::byte>> pieces,
                            std::uint64_t offset, std::nothrow_t /*tag*/) noexcept {
    const FilePtr file = node_;
    if (file == nullptr) {
        return not_open("write");
    }
    if (signed_offset(offset) < 0) {
        return fs_error({"write", *file}, UV_EINVAL);
    }
    return write_pieces(file, pieces, signed_offset(offset));
}

Result<void> File::sync(std::nothrow_t /*tag*/) noexcept {
    return change(node_, "sync", uv_fs_fsync);
}

Result<void> File::data_sync(std::nothrow_t /*tag*/) noexcept {
    return change(node_, "sync data of", uv_fs_fdatasync);
}

Result<FileInfo> File::stat(std::nothrow_t /*tag*/) noexcept {
    const FilePtr file = node_;
    if (file == nullptr) {
        return not_open("stat");
    }
    return taken_from(call_fs({"stat", *file}, FileUse(file), uv_fs_fstat, file->file()),
                      [](const uv_fs_t& request) { return info_from(request.statbuf); });
}

Result<void> File::truncate(std::uint64_t size, std::nothrow_t /*tag*/) noexcept {
    return change(node_, "truncate", uv_fs_ftruncate, signed_offset(size));
}

Result<void> File::chmod(unsigned permissions, std::nothrow_t /*tag*/) noexcept {
    return change(node_, "chmod", uv_fs_fchmod, static_cast<int>(permissions));
}

Result<void> File::chown(unsigned owner, unsigned group, std::nothrow_t /*tag*/) noexcept {
    return change(node_, "chown", uv_fs_fchown, static_cast<uv_uid_t>(owner),
                  static_cast<uv_gid_t>(group));
}

Result<void> File::utime(FileTime accessed, FileTime modified, std::nothrow_t /*tag*/) noexcept {
    return change(node_, "utime", uv_fs_futime, seconds_from(accessed), seconds_from(modified));
}

Result<void> File::close(std::nothrow_t /*tag*/) noexcept {
    const FilePtr file = std::move(node_);
    if (file == nullptr || !file->owned()) {
        return {};
    }
    const FsCall call{"close", *file, PoolRequest::Kind::committed};
    LoopState::current(call.operation);
    file->closing = true;
    if (!file->wait_unused()) {
        return fs_error(call, Errc::cancelled);  // it closes when the last user lets go of it
    }
    Result<FsAnswer> request = new_fs_request(call, FileUse());
    if (!request) {  // cancelled, or no memory: it closes when we let go of it
        return request.error();
    }
    FsRequest& begun = **request;
    const int status =
        begun.started(uv_fs_close(begun.state().uv(), &begun.uv, file->file(), FsRequest::on_done));
    if (status == 0) {
        file->release();
    }
    return without_value(wait_for_fs(call, *std::move(request), status));
}

bool File::is_open() const noexcept { return node_ != nullptr; }

std::string_view File::name() const noexcept {
    return node_ == nullptr ? std::string_view() : std::string_view(node_->name);
}

NativeFile File::native_handle() const noexcept {
    if (node_ == nullptr) {
        misuse("native_handle() was called on a File that is not open; it has no handle");
    }
    return NativeFile{node_->file()};
}

NativeFile File::release() noexcept {
    const NativeFile file = native_handle();
    if (node_->in_use()) {
        misuse("release() was called on " + node_->name +
               " while a request on it is under way; wait for that first");
    }
    node_->release();
    node_.reset();
    return file;
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
//
// The parts of copy() that a stream does itself, so that they keep its rules: one reader, writers
// in turn, errors latched.
#include <new>

#include <coloop/blocking.hpp>

#include "io/kernel_copy.hpp"
#include "io/stream_node.hpp"

namespace coloop {

namespace {

/// True for what says that the system can't do it in this way, and not that it can't be done.
bool not_this_way(std::int64_t status) noexcept {
    return status == UV_ENOTSUP || status == UV_EINVAL || status == UV_ENOSYS;
}

uv_file descriptor_of(const uv_handle_t* handle) noexcept {
    uv_os_fd_t descriptor = -1;
    if (handle->type == UV_TTY || uv_fileno(handle, &descriptor) != 0) {
        return -1;
    }
    return descriptor;
}

}  // namespace

Result<std::size_t> StreamNode::move_to(const TransitPipe& pipe, std::size_t most) noexcept {
    if (read_error_ != 0 || !data_waits_ || being_read_ || closing()) {
        return std::size_t{0};  // reading says what is the matter
    }
    const NodePtr<StreamNode> hold(this);
    being_read_ = true;
    const bool go_on = give_way();
    being_read_ = false;
    if (!go_on) {
        return error(Errc::cancelled, "read");
    }
    if (closing()) {
        return error(Errc::closed, "read");
    }
    const std::int64_t count = splice_some(descriptor_of(handle()), pipe.in(), most);
    if (count > 0) {
        unread_in_a_row_ = 0;
        return static_cast<std::size_t>(count);
    }
    data_waits_ = false;
    if (count < 0 && count != UV_EAGAIN && !not_this_way(count)) {
        read_error_ = static_cast<int>(count);
        return error(read_error_, "read");
    }
    return std::size_t{0};
}

Result<std::size_t> StreamNode::take_from(const TransitPipe& pipe, std::size_t most) noexcept {
    const NodePtr<StreamNode> hold(this);
    if (const int refused = begin_write("write")) {
        return failure(refused, "write");
    }
    const std::int64_t count = splice_some(pipe.out(), descriptor_of(handle()), most);
    static_cast<void>(give_way());
    end_write();
    if (count < 0 && count != UV_EAGAIN && !not_this_way(count)) {
        return error(static_cast<int>(count), "write");
    }
    return count < 0 ? std::size_t{0} : static_cast<std::size_t>(count);
}

Result<std::int64_t> StreamNode::send_file(const DuplicateDescriptor& socket,
                                           const std::shared_ptr<FileNode>& file,
                                           std::int64_t offset, std::size_t most) noexcept {
    const NodePtr<StreamNode> hold(this);
    const FileUse use(file);
    if (const int refused = begin_write("write")) {
        return failure(refused, "write");
    }
    std::int64_t count = 0;
    try {
        count = run_blocking([to = socket.file(), from = file->file(), offset, most] {
            return send_from_file(to, from, offset, most);
        });
    } catch (const Cancelled&) {
        end_write();
        return error(Errc::cancelled, "write");
    } catch (const std::bad_alloc&) {
        count = UV_ENOMEM;
    }
    end_write();
    if (count < 0 && count != UV_EAGAIN && count != UV_EIO && !not_this_way(count)) {
        return error(static_cast<int>(count), "write");
    }
    return count;
}

DuplicateDescriptor StreamNode::duplicate() noexcept { return DuplicateDescriptor(handle()); }

}  // namespace coloop

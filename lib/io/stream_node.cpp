// SPDX-License-Identifier: MIT
//
// What reading (stream_read.cpp) and writing (stream_write.cpp) share.
#include "io/stream_node.hpp"

#include <coloop/uv_error.hpp>

#include "io/descriptor_node.hpp"

namespace coloop {

Error StreamNode::error(int status, const char* operation) const {
    return {uv_code(status), operation, describe()};
}

Error StreamNode::error(std::error_code code, const char* operation) const {
    return {code, operation, describe()};
}

Error StreamNode::failure(ssize_t status, const char* operation) const {
    switch (status) {
        case was_cancelled:
            return error(Errc::cancelled, operation);
        case was_closed:
            return error(Errc::closed, operation);
        default:
            return error(static_cast<int>(status), operation);
    }
}

void StreamNode::wake_all() noexcept {
    reader_.wake_all();
    writers_.wake_all();
    if (room_) {
        room_->start_close();
    }
}

/// Lets others run when this stream has been served without waiting for long; false if cancelled.
bool StreamNode::give_way() noexcept {
    if (++immediate_ < most_immediate) {
        return true;
    }
    immediate_ = 0;
    return state().wait_turn();
}

int StreamNode::descriptor() noexcept {
    uv_os_fd_t number = -1;
    return uv_fileno(handle(), &number) == 0 ? static_cast<int>(number) : -1;
}

int StreamNode::direct_descriptor() noexcept {
    if (direct_ < 0 && !shut_down_ && handle()->type != UV_TTY && uv_is_writable(stream()) != 0) {
        direct_ = descriptor();
    }
    return direct_;
}

}  // namespace coloop

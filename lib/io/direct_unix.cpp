// SPDX-License-Identifier: MIT
//
// System calls on descriptors that libuv owns. They are non-blocking, and libuv tolerates finding
// nothing where its poll said there was something.
#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

#include "io/direct.hpp"

namespace coloop {

DirectRead read_directly(const uv_handle_t* handle, std::span<std::byte> buffer) noexcept {
    uv_os_fd_t fd = -1;
    // A terminal may be in blocking mode.
    if (handle->type == UV_TTY || uv_fileno(handle, &fd) != 0) {
        return {0, false, 0};
    }
    ssize_t count = 0;
    do {
        count = ::read(fd, buffer.data(), buffer.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        return {0, false, uv_translate_sys_error(errno)};
    }
    if (count <= 0) {
        return {0, false, count == 0 && !buffer.empty() ? UV_EOF : 0};
    }
    return {static_cast<std::size_t>(count), static_cast<std::size_t>(count) == buffer.size(), 0};
}

ssize_t write_directly(int descriptor, std::span<const std::byte> bytes) noexcept {
    ssize_t count = 0;
    do {
        count = ::write(descriptor, bytes.data(), bytes.size());
    } while (count < 0 && errno == EINTR);
    return count >= 0 ? count : uv_translate_sys_error(errno);
}

int shut_down_directly(const uv_handle_t* handle) noexcept {
    uv_os_fd_t fd = -1;
    if (handle->type != UV_TCP || uv_fileno(handle, &fd) != 0) {
        return UV_ENOTSUP;
    }
    return shutdown(fd, SHUT_WR) == 0 ? 0 : uv_translate_sys_error(errno);
}

}  // namespace coloop

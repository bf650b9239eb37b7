// SPDX-License-Identifier: MIT
#include <cerrno>

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "io/kernel_copy.hpp"

namespace coloop {

namespace {

template <typename Call>
std::int64_t retried(Call call) noexcept {
    for (;;) {
        const std::int64_t count = call();
        if (count >= 0 || errno != EINTR) {
            return count >= 0 ? count : uv_translate_sys_error(errno);
        }
    }
}

}  // namespace

std::int64_t file_position(uv_file file) noexcept { return lseek(file, 0, SEEK_CUR); }

void set_file_position(uv_file file, std::int64_t position) noexcept {
    lseek(file, position, SEEK_SET);
}

std::int64_t send_from_file(uv_file socket, uv_file file, std::int64_t offset,
                            std::size_t most) noexcept {
    return retried([&] {
        off_t at = offset;
        return sendfile(socket, file, &at, most);
    });
}

std::int64_t splice_some(uv_file from, uv_file to, std::size_t most) noexcept {
    return retried([&] {
        return splice(from, nullptr, to, nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    });
}

DuplicateDescriptor::DuplicateDescriptor(const uv_handle_t* handle) noexcept {
    uv_os_fd_t open = -1;
    if (handle->type != UV_TTY && uv_fileno(handle, &open) == 0) {
        file_ = fcntl(open, F_DUPFD_CLOEXEC, 0);
    }
}

DuplicateDescriptor::~DuplicateDescriptor() {
    if (file_ >= 0) {
        close(file_);
    }
}

TransitPipe::TransitPipe() noexcept {
    if (pipe2(ends_, O_CLOEXEC | O_NONBLOCK) == 0) {
        fcntl(in(), F_SETPIPE_SZ, static_cast<int>(size));
    }
}

TransitPipe::~TransitPipe() {
    if (is_open()) {
        close(ends_[0]);
        close(ends_[1]);
    }
}

std::int64_t TransitPipe::read(std::byte* buffer, std::size_t count) const noexcept {
    return retried([&] { return ::read(out(), buffer, count); });
}

}  // namespace coloop

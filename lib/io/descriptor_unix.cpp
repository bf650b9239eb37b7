// SPDX-License-Identifier: MIT
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <coloop/descriptor.hpp>
#include <coloop/uv_error.hpp>

namespace coloop {

namespace {

bool listens(int socket) noexcept {
    int answer = 0;
    socklen_t size = sizeof answer;
    return getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) == 0 && answer != 0;
}

/// For what libuv does not guess.
bool is_file(int number) noexcept {
    struct stat found {};

    return fstat(number, &found) == 0 && (S_ISDIR(found.st_mode) || S_ISBLK(found.st_mode));
}

/// True for a stream that libuv reads from, or has something to write to.
bool is_busy(const uv_handle_t* handle) noexcept {
    if (handle->type != UV_TCP && handle->type != UV_NAMED_PIPE && handle->type != UV_TTY) {
        return false;
    }
    const auto* stream = reinterpret_cast<const uv_stream_t*>(handle);
    return uv_stream_get_write_queue_size(stream) > 0 ||
           (uv_is_readable(stream) != 0 && uv_is_active(handle) != 0);
}

}  // namespace

void Descriptor::close() noexcept {
    // Linux has closed it even if it says EINTR, and nothing else can be done about an error.
    static_cast<void>(::close(std::exchange(number_, -1)));
}

DescriptorKind Descriptor::kind() const noexcept { return kind_of(native()); }

Result<Descriptor> Descriptor::duplicate(NativeDescriptor native, std::nothrow_t /*tag*/) noexcept {
    const int number = static_cast<int>(native);
    const int copy = fcntl(number, F_DUPFD_CLOEXEC, 3);  // never one of the standard three
    if (copy < 0) {
        return Error(uv_code(uv_translate_sys_error(errno)), "duplicate",
                     "descriptor " + std::to_string(number));
    }
    return Descriptor(NativeDescriptor{copy});
}

Result<Descriptor> Descriptor::duplicate(const uv_handle_t* handle, std::nothrow_t tag) noexcept {
    const auto failed = [&](int status) {
        return Error(uv_code(status), "duplicate", "a libuv handle");
    };
    uv_os_fd_t number = -1;
    if (const int status = uv_fileno(handle, &number)) {
        return failed(status);
    }
    if (is_busy(handle)) {
        return failed(UV_EBUSY);
    }
    return duplicate(NativeDescriptor{number}, tag);
}

DescriptorKind kind_of(NativeDescriptor native) noexcept {
    const int number = static_cast<int>(native);
    switch (number < 0 ? UV_UNKNOWN_HANDLE : uv_guess_handle(number)) {
        case UV_FILE:
            return DescriptorKind::file;
        case UV_NAMED_PIPE:
            return listens(number) ? DescriptorKind::pipe_listener : DescriptorKind::pipe_stream;
        case UV_TCP:
            return listens(number) ? DescriptorKind::tcp_listener : DescriptorKind::tcp_stream;
        case UV_UDP:
            return DescriptorKind::udp_socket;
        case UV_TTY:
            return DescriptorKind::terminal;
        default:
            return is_file(number) ? DescriptorKind::file : DescriptorKind::unknown;
    }
}

}  // namespace coloop

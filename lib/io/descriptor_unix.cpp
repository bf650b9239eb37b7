// SPDX-License-Identifier: MIT
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
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
            return DescriptorKind::unknown;
    }
}

}  // namespace coloop

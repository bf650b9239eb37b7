// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>
#if defined(__linux__)
#include <sys/epoll.h>
#endif

#include "io/standard_descriptors.hpp"

namespace coloop {

namespace {

bool is_open(int number) noexcept { return fcntl(number, F_GETFD) >= 0; }

const std::array open_at_start{is_open(0), is_open(1), is_open(2)};

std::ptrdiff_t result_of(ssize_t count) noexcept {
    return count < 0 ? uv_translate_sys_error(errno) : count;
}

}  // namespace

bool was_open_at_start(int number) noexcept {
    return open_at_start[static_cast<std::size_t>(number)];
}

bool is_socket(NativeDescriptor native) noexcept {
    struct stat found {};

    return fstat(static_cast<int>(native), &found) == 0 && S_ISSOCK(found.st_mode);
}

int watchable(NativeDescriptor socket, bool for_writing) noexcept {
#if defined(__linux__)
    Descriptor watch(NativeDescriptor{epoll_create1(EPOLL_CLOEXEC)});
    epoll_event event{};
    event.events = for_writing ? EPOLLOUT : EPOLLIN;
    if (!watch.is_open() || epoll_ctl(static_cast<int>(watch.native()), EPOLL_CTL_ADD,
                                      static_cast<int>(socket), &event) != 0) {
        return uv_translate_sys_error(errno);
    }
    return static_cast<int>(watch.release());
#else
    static_cast<void>(socket);
    static_cast<void>(for_writing);
    return UV_ENOSYS;
#endif
}

std::ptrdiff_t receive_now(NativeDescriptor socket, std::span<std::byte> buffer) noexcept {
    ssize_t count = 0;
    do {
        count = recv(static_cast<int>(socket), buffer.data(), buffer.size(), MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    return result_of(count);
}

std::ptrdiff_t send_now(NativeDescriptor socket, std::span<const std::byte> bytes) noexcept {
    ssize_t count = 0;
    do {
        count =
            send(static_cast<int>(socket), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return result_of(count);
}

int end_sending(NativeDescriptor socket) noexcept {
    return shutdown(static_cast<int>(socket), SHUT_WR) == 0 ? 0 : uv_translate_sys_error(errno);
}

}  // namespace coloop

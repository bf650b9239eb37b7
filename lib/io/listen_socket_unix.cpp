// SPDX-License-Identifier: MIT
//
// The system calls under TcpListener, and options of TcpStream that libuv lacks. libuv's own
// listener differs between versions: it accepts without bound or one by one, hides errors or
// repeats them without end.
#include <algorithm>
#include <cerrno>
#include <climits>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "io/listen_socket.hpp"

namespace coloop {

namespace {

int set_option(int descriptor, int level, int option, int value) noexcept {
    return setsockopt(descriptor, level, option, &value, sizeof value);
}

int prepare(int descriptor, const Address& address, const ListenOptions& options) noexcept {
    if (set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) != 0) {
        return -1;
    }
    if (options.reuse_port && set_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) != 0) {
        return -1;
    }
    if (address.is_ipv6() &&
        set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0) != 0) {
        return -1;
    }
    const auto length =
        static_cast<socklen_t>(address.is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
    if (bind(descriptor, address.native(), length) != 0) {
        return -1;
    }
    return listen(descriptor, options.backlog);
}

}  // namespace

int open_listen_socket(const Address& address, const ListenOptions& options) noexcept {
    const int descriptor =
        socket(address.native()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return uv_translate_sys_error(errno);
    }
    if (prepare(descriptor, address, options) != 0) {
        const int status = uv_translate_sys_error(errno);
        close_socket(descriptor);
        return status;
    }
    return descriptor;
}

Accepted accept_one(int listener) noexcept {
    sockaddr_storage storage{};
    for (;;) {
        socklen_t length = sizeof storage;
        const int descriptor = accept4(listener, reinterpret_cast<sockaddr*>(&storage), &length,
                                       SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            return {descriptor, Address::from_native(reinterpret_cast<const sockaddr*>(&storage))};
        }
        // A connection that its peer gave up before it was taken is no trouble of ours.
        if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO) {
            return {uv_translate_sys_error(errno), {}};
        }
    }
}

Address local_address_of(int descriptor) noexcept {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &length);
    return Address::from_native(reinterpret_cast<const sockaddr*>(&storage));
}

Address peer_address_of(int descriptor) noexcept {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
        return {};
    }
    return Address::from_native(reinterpret_cast<const sockaddr*>(&storage));
}

int set_probes(int descriptor, std::int64_t interval, int count) noexcept {
    const int seconds = static_cast<int>(std::min<std::int64_t>(interval, INT_MAX));
    if (set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, seconds) != 0 ||
        set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, count) != 0) {
        return uv_translate_sys_error(errno);
    }
    return 0;
}

void close_socket(int descriptor) noexcept { ::close(descriptor); }

void discard_on_close(int descriptor) noexcept {
    const linger discard{1, 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &discard, sizeof discard);
}

void reset_socket(int descriptor) noexcept {
    discard_on_close(descriptor);
    close_socket(descriptor);
}

}  // namespace coloop

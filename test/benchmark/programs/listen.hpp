// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace bench {

inline sockaddr_in any_local_port() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// Tells the driver where the server listens.
inline void print_port(const sockaddr_in& address) {
    std::printf("port %u\n", ntohs(address.sin_port));
    std::fflush(stdout);
}

/// A listening socket; prints its port.
inline int listen_anywhere(int flags) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    sockaddr_in address = any_local_port();
    socklen_t length = sizeof address;
    bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(listener, 4096);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    print_port(address);
    return listener;
}

}  // namespace bench

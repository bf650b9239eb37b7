// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include <coloop/descriptor.hpp>
#include <coloop/tcp.hpp>

#include "support/sockets.hpp"

namespace coloop {

/// How many connections wait in the system to be accepted, and for how many there is room.
struct Backlog {
    unsigned used;
    unsigned room;

    static Backlog of(const TcpListener& listener) {
        const Descriptor descriptor = listener.duplicate_descriptor();
        tcp_info info{};  // of a socket that listens, two numbers mean something else
        socklen_t size = sizeof info;
        REQUIRE(getsockopt(static_cast<int>(descriptor.native()), IPPROTO_TCP, TCP_INFO, &info,
                           &size) == 0);
        return {info.tcpi_unacked, info.tcpi_sacked};
    }
};

/// Until so many wait: the last word of a connection's beginning may still be under way.
inline void wait_for_backlog(const TcpListener& listener, unsigned count) {
    while (Backlog::of(listener).used < count) {
        ::poll(nullptr, 0, 1);
    }
}

/// An address at which nobody answers, neither yes nor no.
class SilentHost {
public:
    SilentHost() {
        const unsigned room = Backlog::of(listener_).room + 1;  // as Linux counts
        for (unsigned count = 1; count <= room; ++count) {
            peers_.push_back(PlainSocket::connected_to(address()));
            wait_for_backlog(listener_, count);
        }
    }

    [[nodiscard]] Address address() const { return listener_.local_address(); }

private:
    TcpListener listener_{"127.0.0.1", 0, {.backlog = 0}};
    std::vector<PlainSocket> peers_;
};

}  // namespace coloop

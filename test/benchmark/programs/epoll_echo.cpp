// SPDX-License-Identifier: MIT
//
// The least that an echo server can be: level-triggered epoll, read, write.
#include <array>
#include <cstdlib>

#include <sys/epoll.h>
#include <unistd.h>

#include "listen.hpp"

namespace {

std::array<char, 65536> buffer;

void watch(int epoll, int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

void accept_some(int epoll, int listener) {
    for (;;) {
        const int client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0) {
            return;
        }
        watch(epoll, client);
    }
}

/// A slow reader, which would need more care, ends the connection.
void serve(int client) {
    const ssize_t count = read(client, buffer.data(), buffer.size());
    if (count > 0 && write(client, buffer.data(), static_cast<std::size_t>(count)) == count) {
        return;
    }
    close(client);
}

}  // namespace

int main() {
    const int listener = bench::listen_anywhere(SOCK_NONBLOCK);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    std::array<epoll_event, 1024> events;
    for (;;) {
        const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < ready; ++i) {
            const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
            descriptor == listener ? accept_some(epoll, listener) : serve(descriptor);
        }
    }
}

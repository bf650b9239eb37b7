// SPDX-License-Identifier: MIT
//
// An echo server on state-threads.
#include <array>
#include <cstdio>

#include <st.h>

#include "listen.hpp"

namespace {

void* serve(void* argument) {
    auto* client = static_cast<st_netfd_t>(argument);
    std::array<char, 16 * 1024> buffer;
    for (;;) {
        const ssize_t count = st_read(client, buffer.data(), buffer.size(), ST_UTIME_NO_TIMEOUT);
        if (count <= 0 || st_write(client, buffer.data(), static_cast<std::size_t>(count),
                                   ST_UTIME_NO_TIMEOUT) != count) {
            break;
        }
    }
    st_netfd_close(client);
    return nullptr;
}

}  // namespace

int main() {
    st_set_eventsys(ST_EVENTSYS_ALT);  // epoll, if it was built with that, else select()
    st_init();
    st_netfd_t listener = st_netfd_open_socket(bench::listen_anywhere(0));
    for (;;) {
        st_netfd_t client = st_accept(listener, nullptr, nullptr, ST_UTIME_NO_TIMEOUT);
        if (client == nullptr) {
            std::perror("accept");
            return 1;
        }
        st_thread_create(serve, client, 0, 64 * 1024);
    }
}

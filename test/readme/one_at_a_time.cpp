// SPDX-License-Identifier: MIT
// apps/tutorial/3-echo before it serves more than one client at a time.
#include <coloop/coloop.hpp>

void echo(coloop::TcpStream client) {
    std::array<std::byte, 4096> buffer;
    while (const std::size_t n = client.read(buffer)) {  // 0 means end of stream
        client.write(std::span(buffer).first(n));
    }
}

int main() {
    return coloop::run([] {
        coloop::TcpListener listener("127.0.0.1", 7000);
        for (;;) {
            echo(listener.accept());
        }
    });
}

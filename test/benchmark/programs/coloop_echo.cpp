// SPDX-License-Identifier: MIT
#include <array>
#include <cstdio>

#include <coloop/coloop.hpp>

namespace {

void echo(coloop::TcpStream client) {
    std::array<std::byte, 32 * 1024> buffer;  // one that is filled makes libuv read once more
    while (const std::size_t n = client.read(buffer)) {
        client.write(std::span(buffer).first(n));
    }
}

}  // namespace

int main() {
    return coloop::run([] {
        coloop::TcpListener listener("127.0.0.1", 0);
        std::printf("port %u\n", listener.local_address().port());
        std::fflush(stdout);
        coloop::serve(std::move(listener), echo);
    });
}

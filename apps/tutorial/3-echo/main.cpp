// SPDX-License-Identifier: MIT
#include <coloop/coloop.hpp>

void echo(coloop::TcpStream client) {
    std::array<std::byte, 4096> buffer;
    while (const std::size_t n = client.read(buffer)) {  // 0 means end of stream
        client.write(std::span(buffer).first(n));
    }
}

int main() {
    return coloop::run([] { coloop::serve(coloop::TcpListener("127.0.0.1", 7000), echo); });
}

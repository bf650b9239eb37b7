// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <coloop/coloop.hpp>

void echo(coloop::TcpStream client) {
    std::array<std::byte, 4096> buffer;
    while (const std::size_t n = client.read(buffer)) {  // 0 means end of stream
        client.write(std::span(buffer).first(n));
    }
}

coloop::TcpListener listen(std::uint16_t port) {
    try {
        return {"127.0.0.1", port};
    } catch (const coloop::Error& error) {
        if (error.code() != std::errc::address_in_use) {
            throw;
        }
        fmt::print("{}; taking any port\n", error.what());
        return {"127.0.0.1", 0};
    }
}

void scan() {
    for (std::uint16_t port = 7000; port < 7010; ++port) {
        auto stream = coloop::TcpStream::connect("127.0.0.1", port, std::nothrow);
        fmt::print("{}: {}\n", port, stream ? "open" : stream.error().what());
    }
}

int main() {
    return coloop::run([] {
        coloop::TcpListener listener = listen(7000);
        const coloop::Address server = listener.local_address();
        coloop::TaskGroup group;
        group.spawn([&] { coloop::serve(std::move(listener), echo); });

        coloop::TcpStream::connect(server).reset();  // a client without manners
        scan();
        group.cancel();
        group.wait();
    });
}

// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

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

std::string first_words(coloop::TcpStream stream) {
    std::array<std::byte, 80> buffer;
    const std::size_t n = stream.read(buffer);
    return {reinterpret_cast<const char*>(buffer.data()), n};
}

std::string look_at(std::uint16_t port) {
    auto stream = coloop::TcpStream::connect("127.0.0.1", port, std::nothrow);
    if (!stream) {
        return stream.error().what();
    }
    const auto words =
        coloop::move_on_after(200ms, [&] { return first_words(std::move(*stream)); });
    return words.value_or("says nothing");
}

void scan() {
    for (std::uint16_t port = 7000; port < 7010; ++port) {
        fmt::print("{}: {}\n", port, look_at(port));
    }
}

int main() {
    return coloop::run([] {
        coloop::TcpListener listener = listen(7000);
        coloop::TaskGroup group;
        group.spawn([&] { coloop::serve(std::move(listener), echo); });

        coloop::with_timeout(1s, scan);
        group.cancel();
        group.wait();
    });
}

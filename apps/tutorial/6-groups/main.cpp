// SPDX-License-Identifier: MIT
#include <map>

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
    std::map<std::uint16_t, std::string> findings;
    coloop::TaskGroup group;  // after what its coroutines use
    for (std::uint16_t port = 7000; port < 7010; ++port) {
        group.spawn([&findings, port] { findings[port] = look_at(port); });
    }
    group.wait();  // the first failure would cancel the others and be thrown here
    for (const auto& [port, finding] : findings) {
        fmt::print("{}: {}\n", port, finding);
    }
}

int main() {
    return coloop::run([] {
        coloop::TaskGroup group;
        for (std::uint16_t port = 7000; port < 7010; ++port) {
            group.spawn(
                [listener = listen(port)]() mutable { coloop::serve(std::move(listener), echo); });
        }
        coloop::with_timeout(1s, scan);
    });
}

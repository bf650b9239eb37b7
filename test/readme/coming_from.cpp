// SPDX-License-Identifier: MIT
// What the page "Coming from" shows, each part run once.
#include <array>
#include <string>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

namespace {

// ---- callbacks ----

void echo(coloop::TcpStream client) {
    std::array<std::byte, 4096> buffer;
    while (const std::size_t n = client.read(buffer)) {
        client.write(std::span(buffer).first(n));
    }
}

// ---- Boost.Asio ----

std::string ask(std::uint16_t port) {
    return coloop::with_timeout(2s, [&] {
        auto socket = coloop::TcpStream::connect("127.0.0.1", port);
        socket.write("ping");
        std::array<std::byte, 4> answer;
        socket.read_exactly(answer);
        return std::string(reinterpret_cast<const char*>(answer.data()), answer.size());
    });
}

// ---- Go ----

int sum_of_squares(int count) {
    int sum = 0;
    coloop::Channel<int> squares;
    coloop::TaskGroup group;
    for (int i = 1; i <= count; ++i) {
        group.spawn([&, i] { squares.send(i * i); });
    }
    for (int i = 0; i < count; ++i) {
        sum += squares.receive().value();
    }
    group.spawn([&] { coloop::co_sleep(1h); });  // forgotten, but not for ever
    return sum;
}

// ---- Trio ----

std::string fastest(std::uint16_t port) {
    std::string answer = "nobody answered";
    coloop::move_on_after(2s, [&] {
        coloop::TaskGroup group;
        for (int i = 0; i < 2; ++i) {
            group.spawn([&] {
                answer = ask(port);
                group.cancel();
            });
        }
        group.wait();
    });
    return answer;
}

}  // namespace

int main() {
    return coloop::run([] {
        coloop::TcpListener listener("127.0.0.1", 0);
        const std::uint16_t port = listener.local_address().port();
        coloop::TaskGroup server;
        server.spawn([&] { coloop::serve(listener, echo, {.grace = 0ms}); });
        fmt::print("asio: {}\n", ask(port));
        fmt::print("go: {}\n", sum_of_squares(4));
        fmt::print("trio: {}\n", fastest(port));
        server.cancel();
    });
}

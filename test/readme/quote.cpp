// SPDX-License-Identifier: MIT
//
// A server that asks another one and has no more than a tenth of a second for that.
#include <string>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

namespace {

/// All that a server sends.
std::string fetch(const coloop::Address& server) {
    auto stream = coloop::TcpStream::connect(server);
    std::string text;
    std::array<std::byte, 256> buffer;
    while (const std::size_t n = stream.read(buffer)) {
        text.append(reinterpret_cast<const char*>(buffer.data()), n);
    }
    return text;
}

void quote(coloop::TcpStream client, const coloop::Address& upstream) {
    try {
        client.write(coloop::with_timeout(100ms, [&] { return fetch(upstream); }));
    } catch (const coloop::TimedOut&) {
        client.write("the quote service took longer than 0.1 s\n");
    }
}

}  // namespace

int main() {
    return coloop::run([] {
        coloop::TcpListener service("127.0.0.1", 0);
        coloop::TcpListener front("127.0.0.1", 0);
        const coloop::Address upstream = service.local_address();
        const coloop::Address address = front.local_address();
        coloop::CoSemaphore answers(1);  // then the service gets stuck
        coloop::TaskGroup group;
        group.spawn([&] {
            coloop::serve(std::move(service), [&](coloop::TcpStream client) {
                answers.acquire();
                client.write("a stitch in time saves nine\n");
            });
        });
        group.spawn([&] {
            coloop::serve(std::move(front),
                          [&](coloop::TcpStream client) { quote(std::move(client), upstream); });
        });
        for (int i = 0; i < 2; ++i) {
            fmt::print("{}", fetch(address));
        }
        answers.release();  // lets the service end in peace
    });
}

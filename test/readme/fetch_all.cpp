// SPDX-License-Identifier: MIT
//
// Many things at once, all of which are needed.
#include <string>
#include <vector>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

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

std::vector<std::string> fetch_all(std::span<const coloop::Address> servers) {
    std::vector<std::string> bodies(servers.size());
    coloop::TaskGroup group;
    for (std::size_t i = 0; i < servers.size(); ++i) {
        group.spawn([&, i] { bodies[i] = fetch(servers[i]); });
    }
    group.wait();  // the first failure cancels the rest and is thrown here
    return bodies;
}

}  // namespace

int main() {
    return coloop::run([] {
        std::vector<coloop::Address> addresses;
        coloop::TaskGroup servers;
        for (const char* text : {"one", "two", "three"}) {
            coloop::TcpListener listener("127.0.0.1", 0);
            addresses.push_back(listener.local_address());
            servers.spawn([text, listener = std::move(listener)]() mutable {
                coloop::serve(std::move(listener),
                              [text](coloop::TcpStream client) { client.write(text); });
            });
        }
        for (const std::string& body : fetch_all(addresses)) {
            fmt::print("{}\n", body);
        }
        coloop::TcpListener silent("127.0.0.1", 0);  // would be waited for without end
        addresses.push_back(silent.local_address());
        addresses.push_back(coloop::Address::parse("127.0.0.1:1"));  // where nobody listens
        try {
            fetch_all(addresses);
        } catch (const coloop::Error& error) {
            fmt::print("{}\n", error.code() == std::errc::connection_refused ? "refused" : "?");
        }
    });
}

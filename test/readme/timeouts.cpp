// SPDX-License-Identifier: MIT
// Timeouts and task groups; README.md shows the function.
#include <string>
#include <vector>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

namespace {

/// How many of the hosts can be reached within two seconds, trying all of them at once.
std::size_t count_reachable(std::span<const std::string> hosts, std::uint16_t port) {
    std::size_t reachable = 0;
    coloop::TaskGroup group;
    for (const std::string& host : hosts) {
        group.spawn([&] {
            coloop::move_on_after(2s, [&] {
                if (coloop::TcpStream::connect(host, port, std::nothrow)) {
                    ++reachable;
                }
            });
        });
    }
    group.wait();
    return reachable;
}

}  // namespace

int main() {
    return coloop::run([] {
        const coloop::TcpListener listener("127.0.0.1", 0);
        const std::vector<std::string> hosts{"127.0.0.1", "127.0.0.2"};
        const std::size_t reachable = count_reachable(hosts, listener.local_address().port());
        fmt::print("{} of {}\n", reachable, hosts.size());
    });
}

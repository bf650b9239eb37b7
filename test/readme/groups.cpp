// SPDX-License-Identifier: MIT
// What else a group can do; apps/tutorial/6-groups shows the parts.
#include <string>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

namespace {

std::string look_at(int port) { return "port " + std::to_string(port); }

void one() {
    coloop::TaskGroup group;
    coloop::Task<std::string> look = group.spawn([] { return look_at(7000); });
    fmt::print("{}\n", look.join());
}

void many() {
    coloop::TaskGroup group({.limit = 100});
    for (int port = 1; port <= 1000; ++port) {
        group.spawn([port] { look_at(port); });
    }
    group.wait();
}

void few() {
    const auto [ssh, mail] =
        coloop::join_all([] { return look_at(22); }, [] { return look_at(25); });
    const std::string first =
        coloop::race([] { return look_at(80); }, [] { return look_at(8080); });
    fmt::print("{}, {}, {}\n", ssh, mail, first);
}

}  // namespace

int main() {
    return coloop::run([] {
        one();
        many();
        few();
    });
}

// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

void greet() {
    fmt::print("hello\n");
    coloop::co_sleep(500ms);
    fmt::print("half a second later\n");
}

int main() {
    return coloop::run([] { greet(); });
}

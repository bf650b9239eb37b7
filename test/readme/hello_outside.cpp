// SPDX-License-Identifier: MIT
// apps/tutorial/1-hello before it has a coroutine.
#include <fmt/core.h>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

void greet() {
    fmt::print("hello\n");
    coloop::co_sleep(500ms);
    fmt::print("half a second later\n");
}

int main() { greet(); }

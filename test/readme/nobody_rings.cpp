// SPDX-License-Identifier: MIT
// apps/tutorial/2-two-coroutines before it has two.
#include <fmt/core.h>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

void open_door(coloop::CoQueue& bell) {
    fmt::print("host: waiting for the bell\n");
    bell.wait();
    fmt::print("host: come in\n");
}

void visit(coloop::CoQueue& bell) {
    coloop::co_sleep(500ms);
    fmt::print("guest: ringing\n");
    bell.wake_one();
}

int main() {
    return coloop::run([] {
        coloop::CoQueue bell("wait for the bell");
        open_door(bell);
        visit(bell);
    });
}

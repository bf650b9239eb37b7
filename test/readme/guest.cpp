// SPDX-License-Identifier: MIT
// coloop as a guest on the loop of a libuv program.
#include <uv.h>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

int main() {
    uv_loop_t* uv = uv_default_loop();  // the program you already have
    uv_timer_t heartbeat;
    uv_timer_init(uv, &heartbeat);
    uv_timer_start(
        &heartbeat, [](uv_timer_t*) { fmt::print("beat\n"); }, 0, 200);

    coloop::Loop loop(uv);  // borrows uv: never runs it, never closes it
    loop.spawn([&] {
        coloop::co_sleep(500ms);
        fmt::print("the coroutine stops the heart\n");
        uv_timer_stop(&heartbeat);
    });
    return uv_run(uv, UV_RUN_DEFAULT);
}

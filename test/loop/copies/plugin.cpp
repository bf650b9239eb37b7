// SPDX-License-Identifier: MIT
//
// A plugin that carries a coloop of its own. The host loads two of them.
#include <chrono>
#include <memory>

#include <uv.h>

#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>

using namespace std::chrono_literals;

namespace {

std::unique_ptr<coloop::Loop> loop;

}  // namespace

/// Begins to count on the host's loop; `count` goes up to a hundred.
extern "C" __attribute__((visibility("default"))) void start(uv_loop_t* uv, int* count) {
    loop = std::make_unique<coloop::Loop>(uv);
    loop->spawn([count] {
        for (int i = 0; i < 100; ++i) {
            coloop::co_sleep_ns(i % 7 * 10'000);
            ++*count;
        }
    });
    loop->spawn([] { coloop::co_sleep(1h); });
}

/// Leaves the loop; the address tells the copies apart.
extern "C" __attribute__((visibility("default"))) void* stop() {
    loop.reset();
    return &coloop::detail::thread;
}

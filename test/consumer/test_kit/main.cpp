// SPDX-License-Identifier: MIT
// A test as a user writes it, without any test framework.
#include <chrono>
#include <cstdio>
#include <exception>

#include <coloop/memory_stream.hpp>
#include <coloop/sleep.hpp>
#include <coloop/testing.hpp>
#include <coloop/timeout.hpp>

using namespace std::chrono_literals;

int main() {
    try {
        coloop::testing::run_test([] {
            auto [near, far] = coloop::testing::memory_stream_pair({.latency = 1h});
            near.write("hello");
            std::byte byte{};
            far.read_exactly({&byte, 1});
        });
        coloop::testing::run_test([](coloop::Loop& loop) {
            loop.spawn([] { coloop::co_sleep(1h); }, {.name = "sleeper"});
        });
    } catch (const coloop::testing::TestFailure& failure) {
        std::puts(failure.what());
        return 0;
    }
    return 1;
}

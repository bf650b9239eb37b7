// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <utility>

#include <doctest/doctest.h>

#include <coloop/loop.hpp>

namespace coloop {

/// Runs `function()` in a coroutine on a loop of its own, and checks that nobody is left waiting.
/// What leaves the function, a failed REQUIRE too, is thrown again here.
template <typename Function>
void run_in_loop(Function&& function) {
    std::exception_ptr failure;
    bool all_ended = false;
    {
        Loop loop;
        loop.spawn(
            [&] {
                try {
                    std::forward<Function>(function)();
                } catch (const Cancelled&) {
                    throw;
                } catch (...) {
                    failure = std::current_exception();
                    loop.cancel();
                }
            },
            {.name = "test"});
        all_ended = loop.run();
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
    CHECK(all_ended);
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <exception>
#include <type_traits>
#include <utility>

#include <coloop/error.hpp>
#include <coloop/loop.hpp>

namespace coloop {

/// Runs `main_function()` in a coroutine on a loop of its own until that and all that it spawned
/// has ended. For main(): `return coloop::run([] { … });`
///
/// Returns what the function returns if that is an int, else 0. If an exception leaves it, prints
/// that, cancels what is left and returns 1. If coroutines are left that nothing can ever wake,
/// prints who waits for what, cancels them and returns 1; if one of them doesn't end then, as in
/// Completion::wait(), that is misuse.
template <std::invocable Function>
int run(Function&& main_function, const CoroutineOptions& options = {.name = "main"}) {
    int exit_code = 0;
    std::exception_ptr failure;
    Loop loop;
    loop.spawn(
        [&] {
            try {
                if constexpr (std::is_same_v<std::invoke_result_t<Function>, int>) {
                    exit_code = std::forward<Function>(main_function)();
                } else {
                    std::forward<Function>(main_function)();
                }
            } catch (const Cancelled&) {
                throw;
            } catch (...) {
                failure = std::current_exception();
                loop.cancel();
            }
        },
        options);
    const bool all_ended = loop.run();
    if (failure) {
        print_failure(failure);
        return 1;
    }
    return all_ended ? exit_code : 1;
}

}  // namespace coloop

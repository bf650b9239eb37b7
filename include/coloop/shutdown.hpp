// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

#include <coloop/coroutine.hpp>
#include <coloop/export.hpp>
#include <coloop/run.hpp>

namespace coloop {

/// Which signals end a program in good order, and how long that may take: for run().
class COLOOP_EXPORT Shutdown {
public:
    Shutdown(std::initializer_list<int> signals, std::chrono::milliseconds grace)
        : signals_(signals), grace_(grace) {}

    /// Has `tell(signal)` called in a coroutine when the first signal has come, before anything is
    /// cancelled; it must not throw.
    Shutdown& on_signal(std::function<void(int)> tell) & {
        tell_ = std::move(tell);
        return *this;
    }

    Shutdown&& on_signal(std::function<void(int)> tell) && {
        tell_ = std::move(tell);
        return std::move(*this);
    }

    /// Calls `function()` in the calling coroutine, and ends it as run() says.
    void run(const std::function<void()>& function) const;

private:
    std::vector<int> signals_;
    std::chrono::milliseconds grace_;
    std::function<void(int)> tell_;
};

/// `run(main_function, shutdown_on({SIGINT, SIGTERM}))`
[[nodiscard]] inline Shutdown shutdown_on(
    std::initializer_list<int> signals,
    std::chrono::milliseconds grace = std::chrono::seconds(10)) {
    return {signals, grace};
}

/// The same as run(main_function), but signals end it in good order:
///
/// - The first one cancels the scope that `main_function` runs in. What it waits for throws
///   Cancelled; a serve() in it stops accepting and lets its handlers finish.
/// - A second one, or the end of the time of grace, cuts that short: serve() cancels the handlers
///   that are left, and says which.
/// - A third one does what the signal does by default: it ends the process.
///
/// Returns 0 when all has ended because of a signal, also if some of it was cut short; what
/// `main_function` returns if that is an int and it returned in spite of the signal; and 1 if an
/// exception left it. So whoever stopped the program, such as systemd, takes that for success. Let
/// `grace` be less than what that grants before it kills. When `main_function` has ended, signals
/// do what they do by default.
template <std::invocable Function>
int run(Function&& main_function, const Shutdown& shutdown,
        const CoroutineOptions& options = {.name = "main"}) {
    int exit_code = 0;
    const int failed = run(
        [&] {
            shutdown.run([&] {
                if constexpr (std::is_same_v<std::invoke_result_t<Function>, int>) {
                    exit_code = std::forward<Function>(main_function)();
                } else {
                    std::forward<Function>(main_function)();
                }
            });
        },
        options);
    return failed != 0 ? failed : exit_code;
}

}  // namespace coloop

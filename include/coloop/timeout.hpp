// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <coloop/cancel_scope.hpp>
#include <coloop/deadline.hpp>
#include <coloop/export.hpp>
#include <coloop/sleep.hpp>

namespace coloop {

class LoopState;

/// A cancel scope that cancels itself when its time is up. with_timeout() and move_on_after() are
/// made of it. Costs no allocation, and no system call if it is left in time.
class COLOOP_EXPORT TimeoutScope final : public CancelScope, private Deadline {
public:
    /// Opens a scope of `nanoseconds` from now; zero or less is cancelled at once.
    explicit TimeoutScope(std::int64_t nanoseconds);

    struct Until {
        std::int64_t when;  ///< of the monotonic clock, in nanoseconds
    };

    /// Opens a scope that ends at a moment.
    explicit TimeoutScope(Until moment);

    ~TimeoutScope();

    /// Begins its time anew, as long as it was when opened (Until a moment, too): for limits on
    /// silence, called by whatever shows that all is well, in whichever coroutine of the loop.
    /// Costs no more than reading the clock. Does nothing once the scope has expired().
    void restart() noexcept;

    /// True if the time was up while the scope was open.
    [[nodiscard]] bool expired() const noexcept { return expired_; }

    /// Throws the TimedOut of this scope.
    [[noreturn]] void raise() const;

private:
    friend std::optional<std::chrono::nanoseconds> time_left() noexcept;

    void expire() noexcept override;
    static const TimeoutScope* first_felt() noexcept;

    LoopState& state_;
    std::int64_t allowed_;
    std::uint64_t until_;  // of the loop's clock
    bool expired_ = false;
};

/// Calls `function()` and returns what it returns, but no later than `duration` from now: then
/// whatever it waits for is cancelled and, once it has unwound, TimedOut is thrown.
///
/// The time covers everything in it: connecting, every read, locks, sleeps. Timeouts nest, and the
/// outer limit holds for the inner one. A function that computes without waiting is not
/// interrupted; if it returns although the time was up, what it returns counts.
/// Must be called in a coroutine of a loop. Modelled on Trio's fail_after.
template <typename Rep, typename Period, typename Function>
std::invoke_result_t<Function> with_timeout(std::chrono::duration<Rep, Period> duration,
                                            Function&& function) {
    TimeoutScope scope(saturated_ns(duration));
    try {
        return std::forward<Function>(function)();
    } catch (const Cancelled&) {
        if (!scope.expired() || !scope.absorbs()) {
            throw;
        }
    }
    scope.raise();
}

namespace detail {

template <typename Function>
auto move_on(TimeoutScope&& scope, Function&& function) {
    using Value = std::invoke_result_t<Function>;
    if constexpr (std::is_void_v<Value>) {
        return scope.run(std::forward<Function>(function));
    } else {
        std::optional<Value> value;
        scope.run([&] { value.emplace(std::forward<Function>(function)()); });
        return value;
    }
}

}  // namespace detail

/// The same, for where lateness is nothing special: returns an optional that is empty if the time
/// was up first, or, if `function` returns nothing, whether it ended in time. Modelled on Trio's
/// move_on_after.
template <typename Rep, typename Period, typename Function>
auto move_on_after(std::chrono::duration<Rep, Period> duration, Function&& function) {
    return detail::move_on(TimeoutScope(saturated_ns(duration)), std::forward<Function>(function));
}

/// The same until a moment of the steady clock.
template <typename Duration, typename Function>
auto move_on_at(std::chrono::time_point<std::chrono::steady_clock, Duration> when,
                Function&& function) {
    return detail::move_on(TimeoutScope(TimeoutScope::Until{saturated_ns(when.time_since_epoch())}),
                           std::forward<Function>(function));
}

/// How long the calling coroutine may go on before a timeout around it cancels it: the least that
/// any of them leaves, up to the innermost shield, because what is outside of that is not felt.
/// Timeouts around a TaskGroup count for its coroutines, too. Zero if the coroutine is cancelled
/// already, for whatever reason; nothing if no timeout is set, or outside coroutines.
///
/// For deciding whether a retry is worth beginning, or for telling a peer how long one will wait.
[[nodiscard]] COLOOP_EXPORT std::optional<std::chrono::nanoseconds> time_left() noexcept;

/// Calls `function()` and returns what it returns; cancelling an enclosing scope is felt only after
/// that. For clean-up that must wait; put a timeout inside.
template <typename Function>
std::invoke_result_t<Function> uncancellable(Function&& function) {
    const CancelScope shield(CancelScope::Kind::shield);
    return std::forward<Function>(function)();
}

}  // namespace coloop

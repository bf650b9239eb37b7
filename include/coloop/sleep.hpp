// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

#include <coloop/clock.hpp>
#include <coloop/export.hpp>

namespace coloop {

/// Suspends the calling coroutine for at least `nanoseconds` of the loop's clock.
///
/// Never early, also on a busy loop; late by at most one turn of the loop plus about a millisecond,
/// because libuv's timers count those. Zero or less lets the loop poll for I/O once and run whoever
/// is ready. Sleepers with equal deadlines wake in the order in which they fell asleep.
///
/// Must be called in a coroutine of a loop. Throws Cancelled if it is cancelled before or
/// meanwhile. Modelled on QEMU's co_sleep_ns (1.1) and qemu_co_sleep_ns.
COLOOP_EXPORT void co_sleep_ns(std::int64_t nanoseconds);

/// The same by another clock.
COLOOP_EXPORT void co_sleep_ns(Clock& clock, std::int64_t nanoseconds);

/// Suspends the calling coroutine until `clock` shows `when` nanoseconds. A moment that has passed
/// lets the loop poll once.
COLOOP_EXPORT void sleep_by(Clock& clock, std::int64_t when);

/// `duration` in nanoseconds, rounded up; what is out of range becomes the nearest that isn't, and
/// what is not a number becomes zero.
template <typename Rep, typename Period>
[[nodiscard]] constexpr std::int64_t saturated_ns(std::chrono::duration<Rep, Period> duration) {
    constexpr auto limit = static_cast<long double>(std::numeric_limits<std::int64_t>::max());
    const auto exact = std::chrono::duration<long double, std::nano>(duration).count();
    if (exact >= limit) {
        return std::numeric_limits<std::int64_t>::max();
    }
    if (exact <= -limit) {
        return std::numeric_limits<std::int64_t>::min();
    }
    if constexpr (std::chrono::treat_as_floating_point_v<Rep>) {
        const auto whole = exact == exact ? static_cast<std::int64_t>(exact) : 0;
        return static_cast<long double>(whole) < exact ? whole + 1 : whole;
    } else {
        return std::chrono::ceil<std::chrono::nanoseconds>(duration).count();
    }
}

/// co_sleep_ns() for any duration. Named apart from std::this_thread::sleep_for, which would stop
/// the loop.
template <typename Rep, typename Period>
void co_sleep(std::chrono::duration<Rep, Period> duration) {
    co_sleep_ns(saturated_ns(duration));
}

/// Suspends the calling coroutine until `when` of the steady clock.
template <typename Duration>
void co_sleep_until(std::chrono::time_point<std::chrono::steady_clock, Duration> when) {
    sleep_by(monotonic_clock(), saturated_ns(when.time_since_epoch()));
}

/// Suspends the calling coroutine until `when` of the system clock: by the time of day.
template <typename Duration>
void co_sleep_until(std::chrono::time_point<std::chrono::system_clock, Duration> when) {
    sleep_by(wall_clock(), saturated_ns(when.time_since_epoch()));
}

}  // namespace coloop

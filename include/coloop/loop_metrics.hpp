// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#include <coloop/export.hpp>
#include <coloop/loop.hpp>

namespace coloop {

/// What libuv has counted on a loop.
struct LoopMetrics {
    std::chrono::nanoseconds idle{};   ///< waited for events; zero without measure_idle_time()
    std::uint64_t turns = 0;           ///< how often the loop went around; zero before libuv 1.45
    std::uint64_t events = 0;          ///< handled; zero before libuv 1.45
    std::uint64_t events_waiting = 0;  ///< that were there when the loop polled; as above
};

/// May be asked for at any time on the loop's thread.
[[nodiscard]] COLOOP_EXPORT LoopMetrics metrics_of(const Loop& loop) noexcept;

/// Makes libuv measure from now on how long the loop waits for events, which takes it two readings
/// of the clock each time. Leave that to the host if the loop is borrowed.
COLOOP_EXPORT void measure_idle_time(Loop& loop) noexcept;

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include <limits>

#include <coloop/sleep.hpp>

#include "loop/loop_state.hpp"
#include "loop/sleeper.hpp"

namespace coloop {

namespace {

/// `duration` after `now`; the end of time if that can't be represented.
std::int64_t later(std::int64_t now, std::int64_t duration) noexcept {
    std::int64_t sum = 0;
    return __builtin_add_overflow(now, duration, &sum) ? std::numeric_limits<std::int64_t>::max()
                                                       : sum;
}

}  // namespace

void co_sleep_ns(std::int64_t nanoseconds) { co_sleep_ns(monotonic_clock(), nanoseconds); }

void co_sleep_ns(Clock& clock, std::int64_t nanoseconds) {
    sleep_by(clock, nanoseconds <= 0 ? std::numeric_limits<std::int64_t>::min()
                                     : later(clock.now(), nanoseconds));
}

void sleep_by(Clock& clock, std::int64_t when) {
    LoopState& state = LoopState::current("sleep");
    if (when <= clock.now()) {
        if (!state.wait_turn()) {
            throw Cancelled();
        }
        return;
    }
    while (clock.now() < when) {
        if (!clock.wait_towards(when)) {
            throw Cancelled();
        }
    }
}

}  // namespace coloop

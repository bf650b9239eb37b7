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

/// What has passed already costs no look at the clock, but lets the loop poll.
void wait_turn(LoopState& state) {
    if (!state.wait_turn()) {
        throw Cancelled();
    }
}

}  // namespace

void co_sleep_ns(std::int64_t nanoseconds) { co_sleep_ns(monotonic_clock(), nanoseconds); }

void co_sleep_ns(Clock& clock, std::int64_t nanoseconds) {
    if (nanoseconds <= 0) {
        wait_turn(LoopState::current("sleep"));
    } else {
        sleep_by(clock, later(clock.now(), nanoseconds));
    }
}

void sleep_by(Clock& clock, std::int64_t when) {
    LoopState& state = LoopState::current("sleep");
    if (when <= clock.now()) {
        wait_turn(state);
        return;
    }
    do {
        if (!clock.wait_towards(when)) {
            throw Cancelled();
        }
    } while (clock.now() < when);
}

}  // namespace coloop

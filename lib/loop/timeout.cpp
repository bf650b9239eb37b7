// SPDX-License-Identifier: MIT
#include <cstdio>

#include <coloop/timeout.hpp>

#include "loop/loop_state.hpp"

namespace coloop {

namespace {

/// From now until `when`; what has passed is no time at all.
std::int64_t time_until(std::int64_t when) noexcept {
    const auto now = static_cast<std::int64_t>(LoopState::time_here());
    return when > now ? when - now : 0;
}

}  // namespace

TimeoutScope::TimeoutScope(std::int64_t nanoseconds)
    : state_(LoopState::current("time out")), allowed_(nanoseconds) {
    if (nanoseconds <= 0) {
        expire();
    } else {
        const std::uint64_t now = state_.time();
        state_.add(*this, now + static_cast<std::uint64_t>(nanoseconds));
    }
}

TimeoutScope::TimeoutScope(Until moment) : TimeoutScope(time_until(moment.when)) {}

TimeoutScope::~TimeoutScope() {
    if (is_set()) {
        state_.remove(*this);
    }
}

void TimeoutScope::expire() noexcept {
    expired_ = true;
    cancel();
}

void TimeoutScope::raise() const {
    char text[48];
    std::snprintf(text, sizeof text, "after %.6g s", static_cast<double>(allowed_) / 1e9);
    throw TimedOut(make_error_code(Errc::timed_out), text);
}

}  // namespace coloop

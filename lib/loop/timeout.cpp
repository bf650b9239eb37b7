// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>

#include <coloop/timeout.hpp>
#include <coloop/wait.hpp>

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
    : CancelScope(Timed()),
      state_(LoopState::current("time out")),
      allowed_(nanoseconds),
      until_(state_.time() + static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0))) {
    if (nanoseconds <= 0) {
        expire();
    } else {
        state_.add(*this, until_);
    }
}

TimeoutScope::TimeoutScope(Until moment) : TimeoutScope(time_until(moment.when)) {}

TimeoutScope::~TimeoutScope() {
    if (is_set()) {
        state_.remove(*this);
    }
}

void TimeoutScope::restart() noexcept {
    if (!expired_) {
        until_ = state_.time() + static_cast<std::uint64_t>(allowed_);
    }
}

/// At the end of the time that it began with, which may have begun anew meanwhile.
void TimeoutScope::expire() noexcept {
    if (state_.time() < until_) {
        state_.add(*this, until_);  // into the place in the queue that it has just left
        return;
    }
    expired_ = true;
    cancel();
}

void TimeoutScope::raise() const {
    char text[48];
    std::snprintf(text, sizeof text, "after %.6g s", static_cast<double>(allowed_) / 1e9);
    throw TimedOut(make_error_code(Errc::timed_out), text);
}

/// The timeout that would be the first to cancel the calling coroutine; null if there is none.
const TimeoutScope* TimeoutScope::first_felt() noexcept {
    const TimeoutScope* first = nullptr;
    for (const CancelScope* scope = innermost(); scope != nullptr; scope = scope->parent_) {
        if (scope->timed_) {
            const auto* timeout = static_cast<const TimeoutScope*>(scope);
            first = first == nullptr || timeout->until_ < first->until_ ? timeout : first;
        }
        if (scope->kind_ == Kind::shield) {
            break;
        }
    }
    return first;
}

std::optional<std::chrono::nanoseconds> time_left() noexcept {
    if (in_coroutine() && Wait::already_cancelled()) {
        return std::chrono::nanoseconds(0);
    }
    const TimeoutScope* first = TimeoutScope::first_felt();
    if (first == nullptr) {
        return std::nullopt;
    }
    const std::uint64_t now = first->state_.time();
    return std::chrono::nanoseconds(first->until_ > now ? first->until_ - now : 0);
}

}  // namespace coloop

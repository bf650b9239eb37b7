// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"
#include "loop/loop_state.hpp"

namespace coloop {

namespace {

// One drain gives way to the loop after so many coroutines or so much time, whichever is first.
// That is what keeps I/O from starving. Those who become ready meanwhile are part of it: else two
// coroutines that talk to each other would pay a poll for each word. Short drains, which are most,
// never look at the clock: libuv's, which is up to a millisecond behind, has to do until the first
// look, and then the time counts from there.
constexpr std::size_t drain_limit = 256;
constexpr std::uint64_t drain_time = 500'000;
constexpr std::size_t looks_at_clock_every = 16;

}  // namespace

void LoopState::became_ready() noexcept { come_back_soon(); }

/// Has drain() called without libuv blocking or returning first.
void LoopState::come_back_soon() noexcept {
    if (!drain_follows_ && !idles_) {
        idles_ = true;
        uv_idle_start(&idle_, [](uv_idle_t* handle) {
            require_own_stack();
            LoopState& state = of(handle);
            if (!state.poll_first_) {
                state.drain();
            }
        });
    }
}

bool LoopState::wait_turn() noexcept {
    come_back_soon();
    return next_turn_.wait(std::nothrow);
}

/// Misuse in a coroutine: nobody else could run before it ended, so libuv might block for ever.
void LoopState::require_own_stack() {
    if (in_coroutine()) [[unlikely]] {
        misuse("uv_run() was called in " + describe(*Coroutine::self()) +
               "; a loop runs on its thread's own stack, and in a coroutine one waits instead");
    }
}

/// To be called from check or idle. The first comes after prepare, which has looked whether
/// uv_run() was called in a coroutine, the second must do that itself.
void LoopState::drain() {
    if (ready() > 0 && hooks_ != nullptr) [[unlikely]] {
        drain_by(*hooks_);
    } else if (ready() > 0) {
        detail::FloatingPointControl control;
        detail::store_control(control);
        now = std::uint64_t{uv_now(uv_)} * 1'000'000;  // near enough, and known already
        drain_follows_ = true;
        std::uint64_t end = now + 1'000'000 + drain_time;
        std::size_t rest = drain_limit;
        do {
            run_next(control);
            if (--rest % looks_at_clock_every == 0) {
                const std::uint64_t look = time();
                if (rest == 0 || look > end) {
                    break;
                }
                end = std::min(end, look + drain_time);
            }
        } while (ready() > 0);
        drain_follows_ = false;
        poll_first_ = ready() > 0;
    }
    after_drain();
}

/// In the order that somebody chooses among all who are ready.
void LoopState::drain_by(LoopHooks& hooks) {
    drain_follows_ = true;
    for (std::size_t i = 0; i < drain_limit && ready() > 0; ++i) {
        const std::size_t next = hooks.choose(*this);
        if (next == LoopHooks::nobody) {
            break;
        }
        now = time();
        move_to_front(next);
        detail::FloatingPointControl control;
        detail::store_control(control);
        run_next(control);
        hooks.stopped();
    }
    drain_follows_ = false;
}

void LoopState::after_drain() noexcept {
    if (phase_ == Phase::leaving && may_close()) [[unlikely]] {
        close_handles();
        return;
    }
    if (ready() > 0 || !next_turn_.empty() || posted_here_) {
        come_back_soon();
    } else if (idles_) {
        idles_ = false;
        uv_idle_stop(&idle_);
    }
    if (deadlines_changed_) {
        arm_timer();
    }
}

void LoopState::add(Deadline& deadline, std::uint64_t when) {
    deadlines_.add(deadline, when);
    note_deadlines();
}

void LoopState::remove(Deadline& deadline) noexcept {
    deadlines_.remove(deadline);
    note_deadlines();
}

/// One look at the timer is enough for all that a drain changes.
void LoopState::note_deadlines() noexcept {
    deadlines_changed_ = true;
    if (!drain_follows_) {
        arm_timer();
    }
}

void LoopState::expire_deadlines() noexcept { deadlines_.expire(time()); }

/// The timer may be armed too early, after the deadline it was armed for was removed: then it fires
/// once for nothing, which is cheaper than arming it anew for each timeout that did not happen.
void LoopState::arm_timer() noexcept {
    deadlines_changed_ = false;
    if (phase_ >= Phase::closing || hooks_ != nullptr) {
        return;
    }
    if (deadlines_.empty()) {
        if (armed_for_ != 0) {
            armed_for_ = 0;
            uv_timer_stop(&timer_);
        }
        return;
    }
    const bool awaited = deadlines_.size() > (trimmer_.is_set() ? 1U : 0U);
    if (awaited != (uv_has_ref(as_handle(timer_)) != 0)) {
        awaited ? uv_ref(as_handle(timer_)) : uv_unref(as_handle(timer_));
    }
    const std::uint64_t next = deadlines_.next();
    if (armed_for_ != 0 && armed_for_ <= next) {
        return;
    }
    armed_for_ = next;
    uv_update_time(uv_);
    const std::uint64_t now_ns = time();
    const std::uint64_t milliseconds = next > now_ns ? (next - now_ns + 999'999) / 1'000'000 : 0;
    uv_timer_start(
        &timer_,
        [](uv_timer_t* handle) {
            LoopState& state = of(handle);
            // libuv counts whole milliseconds of a cached time and may call early; what is not due
            // stays, and the timer is armed for it again.
            state.armed_for_ = 0;
            state.deadlines_.expire(state.time());
            state.arm_timer();
        },
        milliseconds, 0);
}

}  // namespace coloop

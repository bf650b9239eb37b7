// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>

#include <uv.h>

#include <coloop/clock.hpp>

#include "loop/loop_state.hpp"
#include "loop/sleeper.hpp"

namespace coloop {

namespace {

std::int64_t monotonic_now() noexcept { return static_cast<std::int64_t>(uv_hrtime()); }

/// Waits for `nanoseconds` of the loop's clock; false if cancelled.
bool wait_for(std::int64_t nanoseconds, CoQueue& queue) noexcept {
    LoopState& state = LoopState::current("sleep");
    const Sleeper sleeper(state, state.time() + static_cast<std::uint64_t>(nanoseconds), queue);
    return queue.wait(std::nothrow);
}

class MonotonicClock final : public Clock {
public:
    [[nodiscard]] std::int64_t now() const noexcept override { return monotonic_now(); }

private:
    bool wait_towards(std::int64_t when) noexcept override {
        CoQueue queue("sleep");
        const Sleeper sleeper(LoopState::current("sleep"), static_cast<std::uint64_t>(when), queue);
        return queue.wait(std::nothrow);
    }
};

class WallClock final : public Clock {
public:
    [[nodiscard]] std::int64_t now() const noexcept override {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    }

private:
    bool wait_towards(std::int64_t when) noexcept override {
        constexpr std::int64_t looks_again_after = 1'000'000'000;  // for who has set the clock
        CoQueue queue("sleep by the wall clock");
        return wait_for(std::min(when - now(), looks_again_after), queue);
    }
};

}  // namespace

Clock& monotonic_clock() noexcept {
    static MonotonicClock clock;
    return clock;
}

Clock& wall_clock() noexcept {
    static WallClock clock;
    return clock;
}

VirtualClock::VirtualClock(State state) noexcept : since_(monotonic_now()), state_(state) {}

std::int64_t VirtualClock::now() const noexcept {
    return state_ == State::paused ? shown_ : shown_ + (monotonic_now() - since_);
}

void VirtualClock::pause() noexcept {
    shown_ = now();
    state_ = State::paused;
}

void VirtualClock::resume() noexcept {
    shown_ = now();
    since_ = monotonic_now();
    state_ = State::running;
    changed_.wake_all();
}

void VirtualClock::advance(std::int64_t nanoseconds) noexcept {
    shown_ += nanoseconds;
    changed_.wake_all();
}

bool VirtualClock::wait_towards(std::int64_t when) noexcept {
    return state_ == State::paused ? changed_.wait(std::nothrow) : wait_for(when - now(), changed_);
}

}  // namespace coloop

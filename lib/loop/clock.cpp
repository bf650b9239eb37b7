// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <string>

#include <coloop/clock.hpp>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"
#include "loop/deadline_queue.hpp"
#include "loop/loop_state.hpp"
#include "loop/sleeper.hpp"

namespace coloop {

namespace {

std::int64_t monotonic_now() noexcept { return static_cast<std::int64_t>(LoopState::time_here()); }

/// The sum of two numbers that are not negative, or the largest number.
std::int64_t add_saturated(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
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
        LoopState& state = LoopState::current("sleep");
        const std::int64_t rest = std::clamp<std::int64_t>(when - now(), 0, looks_again_after);
        const Sleeper sleeper(state, state.time() + static_cast<std::uint64_t>(rest), queue);
        return queue.wait(std::nothrow);
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

/// One that sleeps by a virtual clock: in the clock's queue until its time has come there, and
/// while the clock runs also in the queue of its loop, for the moment when that will be.
class VirtualClock::Sleep final : public Deadline, public ListLink {
public:
    Sleep(VirtualClock& clock, std::int64_t when);
    Sleep(const Sleep&) = delete;
    Sleep& operator=(const Sleep&) = delete;
    ~Sleep();

    [[nodiscard]] bool wait() noexcept { return queue_.wait(std::nothrow); }

    /// Follows a change of the clock.
    void adjust();

    [[nodiscard]] const Coroutine& coroutine() const noexcept { return coroutine_; }

private:
    void expire() noexcept override { queue_.wake_one(); }

    VirtualClock& clock_;
    std::int64_t when_;
    LoopState& state_;
    Coroutine& coroutine_;
    CoQueue queue_{"sleep by a virtual clock"};
    std::optional<Sleeper> alarm_;
};

struct VirtualClock::Sleepers {
    DeadlineQueue by_deadline;
    IntrusiveList<Sleep> by_age;
};

VirtualClock::Sleep::Sleep(VirtualClock& clock, std::int64_t when)
    : clock_(clock),
      when_(when),
      state_(LoopState::current("sleep")),
      coroutine_(*Coroutine::self()) {
    clock_.sleepers_->by_deadline.add(*this, static_cast<std::uint64_t>(when));
    clock_.sleepers_->by_age.push_back(*this);
    adjust();
}

VirtualClock::Sleep::~Sleep() {
    if (is_set()) {
        clock_.sleepers_->by_deadline.remove(*this);
    }
    unlink();
}

void VirtualClock::Sleep::adjust() {
    alarm_.reset();
    if (is_set() && clock_.state_ == State::running) {
        const std::int64_t when = add_saturated(clock_.since_, when_ - clock_.shown_);
        alarm_.emplace(state_, static_cast<std::uint64_t>(when), queue_);
    }
}

VirtualClock::VirtualClock(State state)
    : since_(monotonic_now()), state_(state), sleepers_(std::make_unique<Sleepers>()) {}

VirtualClock::~VirtualClock() {
    if (!sleepers_->by_age.empty()) {
        misuse("a VirtualClock was destroyed while " +
               describe(sleepers_->by_age.front().coroutine()) +
               " sleeps by it; it must outlive its sleepers");
    }
}

std::int64_t VirtualClock::now() const noexcept { return at(monotonic_now()); }

std::int64_t VirtualClock::at(std::int64_t monotonic) const noexcept {
    return state_ == State::paused ? shown_ : add_saturated(shown_, monotonic - since_);
}

void VirtualClock::pause() noexcept { change(0, State::paused); }

void VirtualClock::resume() noexcept { change(0, State::running); }

void VirtualClock::advance(std::int64_t nanoseconds) noexcept {
    if (nanoseconds < 0) {
        misuse("a VirtualClock was to be advanced by " + std::to_string(nanoseconds) +
               " ns; it cannot go back");
    }
    change(nanoseconds, state_);
}

void VirtualClock::change(std::int64_t leap, State state) noexcept {
    const std::int64_t monotonic = monotonic_now();
    const bool alarms_change = state == State::running || state_ == State::running;
    shown_ = add_saturated(at(monotonic), leap);
    since_ = monotonic;
    state_ = state;
    sleepers_->by_deadline.expire(static_cast<std::uint64_t>(shown_));
    if (alarms_change) {
        sleepers_->by_age.for_each([](Sleep& sleep) { sleep.adjust(); });
    }
}

bool VirtualClock::wait_towards(std::int64_t when) noexcept { return Sleep(*this, when).wait(); }

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <uv.h>

#include <coloop/co_queue.hpp>
#include <coloop/loop.hpp>
#include <coloop/testing.hpp>

#include "loop/loop_hooks.hpp"
#include "loop/loop_state.hpp"
#include "testing/leftovers.hpp"
#include "testing/schedule.hpp"

namespace coloop::testing {

/// Runs a test's coroutines on a loop of its own, which it drives step by step: lets libuv poll
/// without waiting, and when that brings nothing decides what may happen next.
class Harness final : public LoopHooks {
public:
    explicit Harness(const TestOptions& options);
    Harness(const Harness&) = delete;
    Harness& operator=(const Harness&) = delete;
    ~Harness();

    /// The one that runs the calling coroutine; misuse, naming what cannot be done, if none does.
    static Harness& current(const char* operation) noexcept;

    /// Runs `body` in a coroutine and all until that has ended; throws what it throws, or a
    /// TestFailure. After that, it must not be used again.
    void run(const detail::Body& body, Schedule& schedule, std::uint64_t seed,
             Attempt* attempt = nullptr);

    void wait_until_all_blocked() { all_blocked_.wait(); }

    void give_way() { giving_way_.wait(); }

    [[nodiscard]] Schedule& schedule() const noexcept { return *schedule_; }

    [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

    [[nodiscard]] ManualClock& clock() noexcept { return clock_; }

    void advance(std::chrono::nanoseconds duration);

private:
    [[nodiscard]] std::uint64_t time() const noexcept override {
        return static_cast<std::uint64_t>(clock_.now_);
    }

    std::size_t choose(const Scheduler& ready) noexcept override;
    void stopped() noexcept override;

    void spawned(const Coroutine& coroutine) noexcept override { left_.add(coroutine); }

    void ended(const Coroutine& coroutine) noexcept override { left_.remove(coroutine); }

    void opened(const Describable& handle) noexcept override { left_.add(handle); }

    void closed(const Describable& handle) noexcept override { left_.remove(handle); }

    void main(const detail::Body& body);
    bool poll_brings_something();
    bool poll(std::chrono::nanoseconds limit);
    bool something_outside();
    std::chrono::nanoseconds patience();
    bool let_something_happen();
    void set_time(std::int64_t now);
    void drive();
    void settle();
    void fail(const std::string& text);
    void clean_up();

    static thread_local Harness* active;

    TestOptions options_;
    ManualClock clock_;
    std::unique_ptr<Loop> loop_ = std::make_unique<Loop>();
    LoopState& state_ = *LoopState::find(loop_->uv());
    uv_timer_t limit_{};
    Leftovers left_{*loop_, limit_};
    CoQueue all_blocked_{"wait until all are blocked"};
    CoQueue giving_way_{"give way"};
    Schedule* schedule_ = nullptr;
    Attempt* attempt_ = nullptr;
    std::uint64_t seed_ = 0;
    std::size_t steps_ = 0;
    std::size_t ready_when_stopped_ = 0;
    bool main_ended_ = false;
    bool endless_ = false;
    std::exception_ptr failure_;
};

}  // namespace coloop::testing

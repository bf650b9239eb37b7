// SPDX-License-Identifier: MIT
#include "testing/harness.hpp"

#include <algorithm>
#include <cstdio>

#include <coloop/select.hpp>

#include "base/misuse.hpp"

namespace coloop::testing {

namespace {

constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max();

/// What a loop has open, as far as it says whether something can come from outside.
struct OpenHandles {
    bool sure = false;      // something comes, sooner or later, without the test's doing
    bool possible = false;  // something may be under way

    static OpenHandles of(uv_loop_t* uv) {
        OpenHandles open;
        uv_walk(
            uv,
            [](uv_handle_t* handle, void* context) {
                if (uv_is_active(handle) != 0) {
                    static_cast<OpenHandles*>(context)->note(handle->type);
                }
            },
            &open);
        return open;
    }

    void note(uv_handle_type type) noexcept {
        switch (type) {
            case UV_PROCESS:
            case UV_TIMER:
            case UV_FS_POLL:
                sure = true;
                break;
            case UV_ASYNC:
            case UV_PREPARE:
            case UV_CHECK:
            case UV_IDLE:
                break;
            default:
                possible = true;
                break;
        }
    }
};

}  // namespace

thread_local Harness* Harness::active = nullptr;

Harness::Harness(const TestOptions& options) : options_(options) {
    clock_.jumping_ = options.clock_jumps;
    uv_timer_init(loop_->uv(), &limit_);
    state_.set_hooks(this);
}

Harness::~Harness() {
    state_.set_hooks(nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&limit_), nullptr);
    loop_.reset();
}

Harness& Harness::current(const char* operation) noexcept {
    if (active == nullptr || &LoopState::current(operation) != &active->state_) {
        misuse(std::string("cannot ") + operation +
               " here; that is for coroutines of a test that run_test() or one of its kind runs");
    }
    return *active;
}

std::size_t Harness::choose(const Scheduler& ready) noexcept {
    if (attempt_ != nullptr && ready.ready() != ready_when_stopped_) {
        attempt_->pass();
    }
    if (++steps_ > options_.most_steps && !endless_) {
        endless_ = true;
        fail("no end after " + std::to_string(options_.most_steps) +
             " steps; of these coroutines, some wake each other for ever\n" + left_.coroutines());
        loop_->cancel();
    }
    return schedule_->choose_ready(ready.ready());
}

void Harness::stopped() noexcept {
    if (attempt_ != nullptr) {
        attempt_->pass();
    }
    giving_way_.wake_all();
    ready_when_stopped_ = state_.ready();
}

void Harness::run(const detail::Body& body, Schedule& schedule, std::uint64_t seed,
                  Attempt* attempt) {
    active = this;
    schedule_ = &schedule;
    seed_ = seed;
    seed_select(seed);
    attempt_ = attempt;
    steps_ = 0;
    main_ended_ = false;
    left_.begin();
    loop_->spawn([&] { main(body); }, {.name = "test", .stack_size = options_.stack_size});
    drive();
    if (failure_ == nullptr) {
        settle();
        if (const std::string text = left_.text(); !text.empty()) {
            fail("left behind when the test had ended\n" + text);
        }
    }
    if (failure_ != nullptr) {
        clean_up();
    }
    active = nullptr;
    if (failure_ != nullptr) {
        std::rethrow_exception(failure_);
    }
}

void Harness::main(const detail::Body& body) {
    try {
        body(*loop_);
    } catch (const Cancelled&) {
        if (!CancelScope::innermost()->cancelled()) {
            fail("Cancelled left the test, in which nothing was cancelled\n");
        }
    } catch (const std::exception&) {
        failure_ = std::current_exception();
    } catch (...) {
        failure_ = std::current_exception();
    }
    main_ended_ = true;
}

/// Only the first failure counts.
void Harness::fail(const std::string& text) {
    if (failure_ == nullptr) {
        failure_ = std::make_exception_ptr(TestFailure(text.substr(0, text.rfind('\n'))));
    }
}

/// Runs all until the test's own coroutine has ended.
void Harness::drive() {
    while (!main_ended_ && failure_ == nullptr) {
        if (!poll_brings_something() && !let_something_happen()) {
            fail("deadlock: nothing can wake the coroutines that are left\n" + left_.coroutines());
        }
    }
}

/// Lets those end who can now, but nobody who waits for the clock.
void Harness::settle() {
    while (poll_brings_something() || state_.pool_work() > 0) {
        if (state_.ready() == 0 && state_.pool_work() > 0) {
            poll(forever);
        }
    }
}

/// True if somebody ran. Two turns: what libuv found in the first, it may say in the second.
bool Harness::poll_brings_something() {
    const std::size_t steps = steps_;
    for (int turn = 0; turn < 2; ++turn) {
        uv_run(loop_->uv(), UV_RUN_NOWAIT);
        if (steps_ != steps || state_.ready() > 0) {
            return true;
        }
    }
    return false;
}

/// Polls until somebody runs, at the longest for so much real time.
bool Harness::poll(std::chrono::nanoseconds limit) {
    const std::size_t steps = steps_;
    bool passed = false;
    if (limit != forever) {
        uv_update_time(loop_->uv());
        const auto whole = std::chrono::ceil<std::chrono::milliseconds>(limit);
        // It repeats because libuv runs timers before it polls, too, and would then have none left.
        limit_.data = &passed;
        uv_timer_start(
            &limit_, [](uv_timer_t* timer) { *static_cast<bool*>(timer->data) = true; },
            static_cast<std::uint64_t>(whole.count()), 1);
    }
    do {
        uv_run(loop_->uv(), UV_RUN_ONCE);
    } while (steps_ == steps && state_.ready() == 0 && limit != forever && !passed);
    uv_timer_stop(&limit_);
    return steps_ != steps || state_.ready() > 0;
}

/// True if something is under way whose end the loop will hear of whatever the test does.
bool Harness::something_outside() {
    return state_.pool_work() > 0 || state_.kept_alive() || OpenHandles::of(loop_->uv()).sure;
}

std::chrono::nanoseconds Harness::patience() {
    if (options_.patience >= std::chrono::nanoseconds::zero()) {
        return options_.patience;
    }
    return OpenHandles::of(loop_->uv()).possible ? std::chrono::milliseconds(1)
                                                 : std::chrono::nanoseconds(0);
}

/// For when all are blocked; false if nothing can happen any more.
bool Harness::let_something_happen() {
    if (all_blocked_.wake_all() > 0) {
        return true;
    }
    const bool timed = clock_.jumping_ && !state_.deadlines().empty();
    const std::int64_t next =
        timed ? std::max(static_cast<std::int64_t>(state_.deadlines().next()), clock_.now_) : 0;
    if (something_outside()) {
        const std::uint64_t began = uv_hrtime();
        poll(timed ? std::chrono::nanoseconds(next - clock_.now_) : forever);
        set_time(clock_.now_ + static_cast<std::int64_t>(uv_hrtime() - began));
        return true;
    }
    if (const std::chrono::nanoseconds real = patience(); real.count() > 0 && poll(real)) {
        return true;
    }
    if (timed) {
        set_time(next);
    }
    return timed;
}

void Harness::set_time(std::int64_t now) {
    clock_.now_ = now;
    state_.expire_deadlines();
}

void Harness::advance(std::chrono::nanoseconds duration) {
    if (duration.count() < 0) {
        misuse("a ManualClock was to be advanced by " + std::to_string(duration.count()) +
               " ns; it cannot go back");
    }
    set_time(clock_.now_ + duration.count());
}

/// After a failure: nothing of the test may be left, or the next one would suffer from it.
void Harness::clean_up() {
    loop_->cancel();
    steps_ = 0;
    bool goes_on = true;
    while (state_.coroutines() > 0 && goes_on && steps_ <= options_.most_steps) {
        goes_on = poll_brings_something() || let_something_happen();
    }
    if (state_.coroutines() > 0) {
        print_failure(failure_);
        misuse("of a failed test these coroutines are left, although they were cancelled\n" +
               left_.coroutines());
    }
    left_.close_handles();
    settle();
    if (const std::string text = left_.text(); !text.empty()) {
        print_failure(failure_);  // for the end of the loop may be the end of the program
    }
}

}  // namespace coloop::testing

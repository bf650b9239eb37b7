// SPDX-License-Identifier: MIT
//
// What a test can ask of the harness that runs it.
#include <coloop/testing.hpp>

#include "base/misuse.hpp"
#include "testing/harness.hpp"

namespace coloop::testing {

void wait_until_all_blocked() {
    Harness::current("wait until all are blocked").wait_until_all_blocked();
}

void give_way() { Harness::current("give way").give_way(); }

std::size_t pick(std::size_t options) {
    return options < 2 ? 0 : Harness::current("pick a number").schedule().pick(options);
}

std::uint64_t current_seed() { return Harness::current("tell the seed").seed(); }

ManualClock& manual_clock() { return Harness::current("use the manual clock").clock(); }

ManualClock::ManualClock() : now_(static_cast<std::int64_t>(LoopState::time_here())) {}

void ManualClock::advance(std::chrono::nanoseconds duration) {
    Harness::current("advance the clock").advance(duration);
}

Attempt::Armed::Armed(Attempt& attempt, CancelScope& scope) : attempt_(attempt) {
    if (attempt.used_) {
        misuse(
            "attempt.run() was called twice in one run of cancel_at_every_step(); put all that is "
            "to be cancelled into one function");
    }
    attempt.used_ = true;
    attempt.scope_ = &scope;
    attempt.pass();
}

Attempt::Armed::~Armed() { attempt_.scope_ = nullptr; }

void Attempt::pass() noexcept {
    if (scope_ != nullptr && !cancelled_ && passed_++ == step_) {
        cancelled_ = true;
        scope_->cancel();
    }
}

}  // namespace coloop::testing

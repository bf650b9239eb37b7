// SPDX-License-Identifier: MIT
#include <string>

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/wait.hpp>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"
#include "coroutine/wait_inline.hpp"

namespace coloop {

void Wait::refuse(const WaitReason& reason) noexcept {
    const std::string what = std::string("cannot wait (") + reason.operation + ')';
    if (const Coroutine* lent = detail::thread.lent) {
        misuse(what + ": " + describe(*lent) +
               " is inside run_on_loop_stack(), where it cannot stop; return from there first");
    }
    misuse(what + " outside a coroutine; spawn one on the loop and call this in it");
}

Wait::Outcome Wait::suspend(bool cancellable) noexcept { return suspend_inline(cancellable); }

void Wait::step_aside() noexcept {
    Coroutine& self = *Coroutine::self();
    self.scheduler_->make_ready(self);
    self.switch_out(detail::thread);
}

bool Wait::settle(Outcome outcome, WaitNode* by) noexcept { return settle_inline(outcome, by); }

void checkpoint() {
    Wait::require_coroutine({"checkpoint"});
    check_cancelled();
    Wait::step_aside();
    check_cancelled();
}

Coroutine& Wait::take_over(Outcome outcome, WaitNode* by) noexcept {
    end(outcome, by);
    coroutine_->wait_ = nullptr;
    coroutine_->status_ = Coroutine::Status::yielded;
    return *coroutine_;
}

}  // namespace coloop

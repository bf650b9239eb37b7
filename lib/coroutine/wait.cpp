// SPDX-License-Identifier: MIT
#include <string>

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/wait.hpp>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"
#include "coroutine/scheduler.hpp"

namespace coloop {

void Wait::refuse(const WaitReason& reason) noexcept {
    const std::string what = std::string("cannot wait (") + reason.operation + ')';
    if (const Coroutine* lent = detail::thread.lent) {
        misuse(what + ": " + describe(*lent) +
               " is inside run_on_loop_stack(), where it cannot stop; return from there first");
    }
    misuse(what + " outside a coroutine; spawn one on the loop and call this in it");
}

Wait::Outcome Wait::suspend(bool cancellable) noexcept {
    Coroutine& self = *coroutine_;
    if (outcome_ != Outcome::pending) {  // settled by what was asked for before it could wait
        return outcome_;
    }
    since_ = self.scheduler_->now;
    cancellable_ = cancellable;
    self.wait_ = this;
    self.status_ = Coroutine::Status::waiting;
    self.switch_out(detail::thread);
    return outcome_;
}

void Wait::step_aside() noexcept {
    Coroutine& self = *Coroutine::self();
    self.scheduler_->make_ready(self);
    self.switch_out(detail::thread);
}

void Wait::end(Outcome outcome, WaitNode* by) noexcept {
    outcome_ = outcome;
    woken_by_ = by;
    for (std::size_t i = 0; i < count_; ++i) {
        if (nodes_[i].is_linked()) {
            nodes_[i].unlink();
        }
    }
}

bool Wait::settle(Outcome outcome, WaitNode* by) noexcept {
    if (outcome_ != Outcome::pending) {
        return false;
    }
    end(outcome, by);
    if (coroutine_->wait_ == this) {
        coroutine_->wait_ = nullptr;
        coroutine_->scheduler_->make_ready(*coroutine_);
    }
    return true;
}

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

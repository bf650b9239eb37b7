// SPDX-License-Identifier: MIT
#include <string>

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/wait.hpp>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"
#include "coroutine/scheduler.hpp"

namespace coloop {

Wait::Wait(WaitNode* nodes, std::size_t count) noexcept
    : coroutine_(Coroutine::self()), nodes_(nodes), count_(count) {
    for (std::size_t i = 0; i < count; ++i) {
        nodes[i].wait = this;
    }
}

void Wait::require_coroutine(const WaitReason& reason) noexcept {
    if (in_coroutine()) [[likely]] {
        return;
    }
    if (const Coroutine* lent = detail::thread.lent) {
        misuse(std::string("cannot wait (") + reason.operation + "): " + describe(*lent) +
               " is inside run_on_loop_stack(), where it cannot stop; return from there first");
    } else {
        misuse(std::string("cannot wait (") + reason.operation +
               ") outside a coroutine; spawn one on the loop and call this in it");
    }
}

bool Wait::already_cancelled() noexcept {
    const CancelScope* scope = Coroutine::self()->scope_;
    return scope != nullptr && scope->cancelled();
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

bool Wait::settle(Outcome outcome, WaitNode* by) noexcept {
    if (outcome_ != Outcome::pending) {
        return false;
    }
    outcome_ = outcome;
    woken_by_ = by;
    for (std::size_t i = 0; i < count_; ++i) {
        if (nodes_[i].is_linked()) {
            nodes_[i].unlink();
        }
    }
    if (coroutine_->wait_ == this) {
        coroutine_->wait_ = nullptr;
        coroutine_->scheduler_->make_ready(*coroutine_);
    }
    return true;
}

}  // namespace coloop

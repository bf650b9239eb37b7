// SPDX-License-Identifier: MIT
//
// What a wait does each time, for those in the library that wait often enough to mind a call.
#pragma once

#include <coloop/coroutine.hpp>
#include <coloop/wait.hpp>

#include "coroutine/scheduler.hpp"

namespace coloop {

[[gnu::always_inline]] inline Wait::Outcome Wait::suspend_inline(bool cancellable) noexcept {
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

inline void Wait::end(Outcome outcome, WaitNode* by) noexcept {
    outcome_ = outcome;
    woken_by_ = by;
    for (std::size_t i = 0; i < count_; ++i) {
        if (nodes_[i].is_linked()) {
            nodes_[i].unlink();
        }
    }
}

inline bool Wait::settle_inline(Outcome outcome, WaitNode* by) noexcept {
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

}  // namespace coloop

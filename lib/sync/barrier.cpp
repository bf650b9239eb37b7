// SPDX-License-Identifier: MIT
#include <cstdint>

#include <coloop/barrier.hpp>
#include <coloop/error.hpp>

#include "base/misuse.hpp"

namespace coloop {

Barrier::Barrier(std::size_t participants) noexcept : participants_(participants) {
    if (participants == 0) [[unlikely]] {
        misuse("a Barrier for no participants was made; it needs to know how many will meet there");
    }
}

Result<bool> Barrier::arrive_and_wait(std::nothrow_t /*tag*/) noexcept {
    Wait::require_coroutine({"wait at a barrier"});
    if (participants_ == 0) [[unlikely]] {
        misuse("wait at a barrier: all its participants have left by arrive_and_drop()");
    }
    if (!broken_ && arrived_ + 1 == participants_) {
        pass();
        if (!broken_) {
            return true;
        }
    }
    bool passed = false;  // the next round may have broken the barrier before the caller runs
    if (!broken_) {
        ++arrived_;
        if (!waiters_.wait_as(reinterpret_cast<std::uintptr_t>(&passed), CoQueue::back)) {
            break_up();
            return Error(Errc::cancelled, "wait at a barrier");
        }
    }
    return passed ? Result<bool>(false) : Error(Errc::broken, "wait at a barrier");
}

void Barrier::arrive_and_drop() noexcept {
    if (participants_ == 0) [[unlikely]] {
        misuse("leave a barrier: all its participants have left already");
    }
    --participants_;
    if (!broken_ && arrived_ > 0 && arrived_ == participants_) {
        pass();
    }
}

/// Lets those go on who wait, unless one of them was cancelled meanwhile: that one has left the
/// queue, but may not have run yet.
void Barrier::pass() noexcept {
    if (waiters_.size() < arrived_) {
        break_up();
        return;
    }
    arrived_ = 0;
    while (!waiters_.empty()) {
        *reinterpret_cast<bool*>(waiters_.first_tag()) = true;
        waiters_.wake_one();
    }
}

void Barrier::break_up() noexcept {
    broken_ = true;
    waiters_.wake_all();
}

}  // namespace coloop

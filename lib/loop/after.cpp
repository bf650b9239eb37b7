// SPDX-License-Identifier: MIT
#include <coloop/after.hpp>

#include "loop/loop_state.hpp"

namespace coloop {

DeadlineWait::DeadlineWait(std::int64_t nanoseconds, Since since)
    : state_(LoopState::current("select with a deadline")),
      nanoseconds_(nanoseconds),
      since_(since) {}

bool DeadlineWait::passed() const noexcept {
    return nanoseconds_ <= 0 ||
           (since_ == Since::epoch && static_cast<std::uint64_t>(nanoseconds_) <= state_.time());
}

void DeadlineWait::enlist(WaitNode& node) {
    node_ = &node;
    state_.add(*this, (since_ == Since::now ? state_.time() : 0) +
                          static_cast<std::uint64_t>(nanoseconds_));
}

void DeadlineWait::leave() noexcept {
    if (is_set()) {
        state_.remove(*this);
    }
}

void DeadlineWait::expire() noexcept { node_->wait->settle(Wait::Outcome::woken, node_); }

}  // namespace coloop

// SPDX-License-Identifier: MIT
//
// The two calls of a queue that each request of a server makes.
#pragma once

#include <coloop/co_queue.hpp>

#include "coroutine/wait_inline.hpp"

namespace coloop {

/// For a caller that knows it is in a coroutine, and that this one is not cancelled.
[[gnu::always_inline]] inline bool CoQueue::wait_inline(std::uintptr_t tag, Place place,
                                                        bool cancellable) noexcept {
    WaitNode node(reason_, tag);
    Wait wait(&node, 1);
    if (place == front) {
        waiters_.push_front(node);
    } else {
        waiters_.push_back(node);
    }
    return wait.suspend_inline(cancellable) == Wait::Outcome::woken;
}

inline bool CoQueue::wake_one_inline() noexcept {
    if (waiters_.empty()) {
        return false;
    }
    WaitNode& node = waiters_.front();
    node.wait->settle_inline(Wait::Outcome::woken, &node);
    return true;
}

}  // namespace coloop

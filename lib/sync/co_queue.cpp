// SPDX-License-Identifier: MIT
#include <string>

#include <coloop/co_queue.hpp>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"

namespace coloop {

void CoQueue::refuse_to_end(const char* owner) const noexcept {
    misuse(std::string(owner) + " was destroyed while " + describe_state(first(), 0) +
           "; wake or cancel its waiters and let them run first");
}

std::size_t CoQueue::size() const noexcept {
    std::size_t count = 0;
    waiters_.for_each([&](const WaitNode&) { ++count; });
    return count;
}

bool CoQueue::wait_as(std::uintptr_t tag, Place place, bool cancellable) noexcept {
    Wait::require_coroutine(reason_);
    if (cancellable && Wait::already_cancelled()) {
        return false;
    }
    WaitNode node(reason_, tag);
    Wait wait(&node, 1);
    if (place == front) {
        waiters_.push_front(node);
    } else {
        waiters_.push_back(node);
    }
    return wait.suspend(cancellable) == Wait::Outcome::woken;
}

bool CoQueue::wake_one() noexcept {
    if (waiters_.empty()) {
        return false;
    }
    WaitNode& node = waiters_.front();
    node.wait->settle(Wait::Outcome::woken, &node);
    return true;
}

Coroutine& CoQueue::take_first() noexcept {
    WaitNode& node = waiters_.front();
    return node.wait->take_over(Wait::Outcome::woken, &node);
}

std::size_t CoQueue::wake_all() noexcept {
    // Settling takes a waiter out of the queue, and nobody runs meanwhile.
    std::size_t count = 0;
    while (wake_one()) {
        ++count;
    }
    return count;
}

}  // namespace coloop

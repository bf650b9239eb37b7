// SPDX-License-Identifier: MIT
#include <string>

#include <coloop/co_queue.hpp>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"
#include "sync/co_queue_inline.hpp"

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
    return wait_inline(tag, place, cancellable);
}

bool CoQueue::wake_one() noexcept { return wake_one_inline(); }

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

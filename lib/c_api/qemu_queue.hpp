// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/co_queue.hpp>
#include <coloop/qemu/types.h>

namespace coloop::qemu {

/// What lies in the words of a CoQueue of C: a CoQueue, waiting in which is not cancelled.
class Queue : public CoQueue {
public:
    using CoQueue::CoQueue;
    using CoQueue::first;
    using CoQueue::first_tag;
    using CoQueue::take_all;
    using CoQueue::take_first;

    /// Ahead of all others, or behind them. Those who wake can see the tag.
    void wait(bool at_front, std::uintptr_t tag = 0) noexcept {
        wait_as(tag, at_front ? front : back, false);
    }
};

/// How those who are woken get to run.
enum class Era : bool {
    old,     ///< from the loop
    modern,  ///< when the waker stops; at once if that is no coroutine
};

Queue& queue_of(::CoQueue* queue) noexcept;
const Queue& queue_of(const ::CoQueue* queue) noexcept;

/// Makes a queue of the words; `operation` tells people what its waiters wait for.
void init_queue(::CoQueue* queue, const char* operation) noexcept;

/// Wakes the longest waiter; false if nobody waits.
bool wake_one(Queue& queue, Era era);

}  // namespace coloop::qemu

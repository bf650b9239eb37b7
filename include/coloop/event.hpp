// SPDX-License-Identifier: MIT
#pragma once

#include <new>

#include <coloop/co_queue.hpp>

namespace coloop {

/// A flag that coroutines of one thread can wait for: "the configuration is loaded".
///
/// Stays set until it is cleared, so who waits later does not wait at all. For a value see
/// Completion, for something that happens again and again see Broadcast.
class Event {
public:
    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    ~Event() { waiters_.require_unused("an Event"); }

    /// Sets the flag and wakes all who wait. May be called outside coroutines, and again.
    void set() noexcept {
        set_ = true;
        waiters_.wake_all();
    }

    /// Takes the flag back; those whom set() has woken before return from their wait nevertheless.
    void clear() noexcept { set_ = false; }

    [[nodiscard]] bool is_set() const noexcept { return set_; }

    /// Waits until the flag is set; returns at once if it is. Throws Cancelled if the coroutine is
    /// cancelled before or while it waits.
    void wait() {
        if (!set_) {
            waiters_.wait();
        }
    }

    /// The same; false instead of Cancelled.
    [[nodiscard]] bool wait(std::nothrow_t /*tag*/) noexcept {
        return set_ || waiters_.wait(std::nothrow);
    }

private:
    friend struct SelectAccess;

    bool set_ = false;
    CoQueue waiters_{"wait for an event"};
};

}  // namespace coloop

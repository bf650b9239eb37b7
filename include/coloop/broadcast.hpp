// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <new>

#include <coloop/co_queue.hpp>
#include <coloop/error.hpp>

namespace coloop {

/// Something that happens again and again and that all who wait for it hear of: "the configuration
/// has changed". The condition variable whose every signal is for everyone.
///
/// Notifications are counted, so that a coroutine which does something else in between can ask for
/// what it has missed:
///
///     for (std::uint64_t seen = changed.count();; seen = changed.wait_past(seen)) {
///         use(configuration);  // may wait; a change meanwhile is not missed
///     }
///
/// It carries no values and keeps none; for those see Channel.
class Broadcast {
public:
    Broadcast() = default;
    Broadcast(const Broadcast&) = delete;
    Broadcast& operator=(const Broadcast&) = delete;

    ~Broadcast() { waiters_.require_unused("a Broadcast"); }

    /// Wakes all who wait now, in the order in which they began to. May be called outside
    /// coroutines.
    void notify() noexcept {
        ++count_;
        waiters_.wake_all();
    }

    /// How many notifications there were so far.
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

    /// Waits for the next notification. Throws Cancelled if the coroutine is cancelled before or
    /// while it waits; that changes nothing for the others.
    void wait() { waiters_.wait(); }

    /// The same; false instead of Cancelled.
    [[nodiscard]] bool wait(std::nothrow_t /*tag*/) noexcept { return waiters_.wait(std::nothrow); }

    /// Waits until there were more than `seen` notifications, which may be the case already;
    /// returns how many. Throws Cancelled as wait() does.
    std::uint64_t wait_past(std::uint64_t seen) {
        if (count_ <= seen) {
            waiters_.wait();
        }
        return count_;
    }

    /// Unlocks `lock`, waits, and locks it again, also when the wait throws; see CoQueue::wait().
    template <typename Lockable>
    void wait(Lockable& lock) {
        waiters_.wait(lock);
    }

    /// Waits until `ready()` returns true; returns at once if it already does.
    template <typename Lockable, typename Predicate>
    void wait(Lockable& lock, Predicate ready) {
        waiters_.wait(lock, ready);
    }

private:
    friend struct SelectAccess;

    std::uint64_t count_ = 0;
    CoQueue waiters_{"wait for a broadcast"};
};

}  // namespace coloop

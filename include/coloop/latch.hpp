// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>

#include <coloop/co_queue.hpp>
#include <coloop/export.hpp>

namespace coloop {

/// A number of things that must be done before coroutines of one thread go on: it counts down to
/// zero, once. The counterpart of std::latch, with its member names.
class COLOOP_EXPORT Latch {
public:
    explicit Latch(std::size_t count) : count_(count) {}

    Latch(const Latch&) = delete;
    Latch& operator=(const Latch&) = delete;

    ~Latch() { waiters_.require_unused("a Latch"); }

    /// Notes that `done` things are done; the last one wakes all who wait. More than there are left
    /// is misuse. May be called outside coroutines.
    void count_down(std::size_t done = 1) noexcept;

    /// How many things are left.
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

    /// True if all is done; never waits.
    [[nodiscard]] bool try_wait() const noexcept { return count_ == 0; }

    /// Waits until all is done; returns at once if it is. Throws Cancelled if the coroutine is
    /// cancelled before or while it waits; that changes nothing for the others.
    void wait() {
        if (count_ > 0) {
            waiters_.wait();
        }
    }

    /// The same; false instead of Cancelled.
    [[nodiscard]] bool wait(std::nothrow_t /*tag*/) noexcept {
        return count_ == 0 || waiters_.wait(std::nothrow);
    }

    /// Counts down and waits for the rest. What was counted stays so if it throws Cancelled.
    void arrive_and_wait(std::size_t done = 1) {
        count_down(done);
        wait();
    }

private:
    friend struct SelectAccess;

    std::size_t count_;
    CoQueue waiters_{"wait for a latch"};
};

}  // namespace coloop

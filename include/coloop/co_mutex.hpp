// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/co_queue.hpp>
#include <coloop/export.hpp>

namespace coloop {

/// A lock for coroutines of one thread: while one holds it, others that want it wait.
///
/// Needed only where a coroutine waits in the middle of a change; between two waits nobody else
/// runs. Handed over in the order of asking: who unlocks cannot take it back before those who wait.
/// That is fair, and for tiny sections under contention slower than an unfair lock. Works with
/// std::lock_guard and std::unique_lock. Not recursive.
///
/// A coroutine must not end while it holds one. Modelled on QEMU's CoMutex.
class COLOOP_EXPORT CoMutex {
public:
    CoMutex() = default;
    CoMutex(const CoMutex&) = delete;
    CoMutex& operator=(const CoMutex&) = delete;

    /// Misuse while somebody holds it.
    ~CoMutex() {
        if (holder_ != nullptr) [[unlikely]] {
            refuse_to_end();
        }
    }

    /// Waits until the lock is the caller's. Misuse if it already is, or outside a coroutine.
    /// Throws Cancelled if the coroutine is cancelled before or while it waits; it then does not
    /// hold the lock. Does not look at cancellation when the lock is free.
    void lock() {
        Coroutine* self = Coroutine::self();
        if (self == nullptr || holder_ != nullptr) [[unlikely]] {
            wait_to_lock();
            return;
        }
        take(*self);
    }

    /// Takes the lock if nobody holds it; never waits.
    [[nodiscard]] bool try_lock();

    /// Gives the lock to the longest waiter, if there is one. Misuse by anyone but the holder.
    void unlock() {
        Coroutine* self = Coroutine::self();
        if (self == nullptr || holder_ != self) [[unlikely]] {
            refuse_to_unlock();
        }
        --self->locks_held_;
        holder_ = nullptr;
        if (!waiters_.empty()) {
            hand_over();
        }
    }

    /// True if the calling coroutine holds it.
    [[nodiscard]] bool held_by_me() const noexcept;

private:
    /// Whoever hands the lock over does this for the new holder, so that it is never free in
    /// between.
    void take(Coroutine& coroutine) noexcept {
        holder_ = &coroutine;
        ++coroutine.locks_held_;
    }

    void wait_to_lock();
    void hand_over() noexcept;
    [[noreturn]] void refuse_to_unlock() const;
    [[noreturn]] void refuse_to_end() const noexcept;

    Coroutine* holder_ = nullptr;
    CoQueue waiters_{"lock a mutex"};
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>

#include <coloop/cancel_scope.hpp>
#include <coloop/error.hpp>
#include <coloop/export.hpp>
#include <coloop/wait.hpp>

namespace coloop {

/// Coroutines that wait to be woken: the condition variable of coloop, and the one place where a
/// coroutine waits. It stores waiters, not values; for values see Channel and Completion.
///
/// Works with and without a loop. All members must be used on the thread of the waiters, and a
/// CoQueue must outlive them; destroying one that somebody waits in is misuse.
/// Modelled on QEMU's CoQueue (include/qemu/coroutine.h).
class COLOOP_EXPORT CoQueue {
public:
    CoQueue() : CoQueue("wait in a queue") {}

    /// `operation`, a string that outlives the queue, and `object`, if not null, tell people what
    /// its waiters wait for.
    explicit CoQueue(const char* operation, const Describable* object = nullptr) noexcept
        : reason_{operation, object} {}

    CoQueue(const CoQueue&) = delete;
    CoQueue& operator=(const CoQueue&) = delete;

    ~CoQueue() { require_unused("a CoQueue"); }

    /// Suspends the calling coroutine until another one wakes it.
    ///
    /// Waiters wake in the order in which they began to wait. A wake is never lost and never
    /// spurious, but what it announced may have changed again by the time the waiter runs: test it
    /// in a loop, or use the form that takes a predicate.
    ///
    /// Must be called in a coroutine. Throws Cancelled if the coroutine is cancelled before or
    /// during the wait; it has then left the queue and taken no wake with it.
    void wait() {
        if (!wait(std::nothrow)) {
            throw Cancelled();
        }
    }

    /// The same; false instead of Cancelled.
    [[nodiscard]] bool wait(std::nothrow_t /*tag*/) noexcept { return wait_as(0, back); }

    /// Waits ahead of all others, for a waiter that was woken, found nothing for it and wants its
    /// place back.
    void wait_at_front() {
        if (!wait_as(0, front)) {
            throw Cancelled();
        }
    }

    /// Unlocks `lock`, waits, and locks it again, also when the wait throws. `lock` is anything
    /// with lock() and unlock(): a CoMutex, a std::unique_lock of one. Locking again is not
    /// cancelled.
    template <typename Lockable>
    void wait(Lockable& lock) {
        lock.unlock();
        const bool woken = wait(std::nothrow);
        {
            const CancelScope shield(CancelScope::Kind::shield);
            lock.lock();
        }
        if (!woken) {
            throw Cancelled();
        }
    }

    /// Waits until `ready()` returns true; returns at once if it already does.
    template <typename Lockable, typename Predicate>
    void wait(Lockable& lock, Predicate ready) {
        while (!ready()) {
            wait(lock);
        }
    }

    /// Makes the longest waiter ready; false if nobody waits. It runs after the caller has stopped,
    /// never inside this call. May be called outside coroutines, also from a libuv callback.
    bool wake_one() noexcept;

    /// Wakes everyone who waits now; those who begin to wait later stay. Returns how many.
    std::size_t wake_all() noexcept;

    /// True if nobody waits; those already woken don't count.
    [[nodiscard]] bool empty() const noexcept { return waiters_.empty(); }

    /// How many wait; counts them one by one.
    [[nodiscard]] std::size_t size() const noexcept;

    // ---- for what is built on queues: locks, channels, select() ----

    enum Place : bool { back, front };

    /// Lets a Wait that is in several queues be in this one, too.
    void enlist(WaitNode& node) noexcept { waiters_.push_back(node); }

    [[nodiscard]] const WaitReason& reason() const noexcept { return reason_; }

    /// Waits with a number that those who wake can see; false if cancelled.
    bool wait_as(std::uintptr_t tag, Place place, bool cancellable = true) noexcept;

    /// The number and the coroutine of the longest waiter; there must be one.
    [[nodiscard]] std::uintptr_t first_tag() const noexcept { return waiters_.front().tag; }

    [[nodiscard]] Coroutine& first() const noexcept { return waiters_.front().wait->coroutine(); }

    /// Misuse if somebody waits, now that `owner` ("a CoQueue") is being destroyed.
    void require_unused(const char* owner) const noexcept {
        if (!waiters_.empty()) [[unlikely]] {
            refuse_to_end(owner);
        }
    }

    /// Wakes the longest waiter, which must exist, but leaves it to the caller to enter it or to
    /// make it ready.
    Coroutine& take_first() noexcept;

    // The same as wait_as() and wake_one(), for the library's own use where a call costs too much.
    inline bool wait_inline(std::uintptr_t tag, Place place, bool cancellable) noexcept;
    inline bool wake_one_inline() noexcept;

    /// Moves the waiters of another queue, which must outlive their waits, to the end of this one.
    void take_all(CoQueue& other) noexcept { waiters_.take_all(other.waiters_); }

private:
    [[noreturn]] void refuse_to_end(const char* owner) const noexcept;

    WaitReason reason_;
    IntrusiveList<WaitNode> waiters_;
};

}  // namespace coloop

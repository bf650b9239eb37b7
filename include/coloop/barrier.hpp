// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>

#include <coloop/co_queue.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop {

/// A place where a fixed number of coroutines of one thread meet, again and again: each waits until
/// all have arrived, then all go on. The counterpart of std::barrier.
///
/// If one of them is cancelled while it waits here, or comes here cancelled, the others would wait
/// for it for ever. So that breaks the barrier: they get the Error (Errc::broken), and so does who
/// comes later. One that leaves for other reasons says so by arrive_and_drop(). Python's Barrier
/// is the model.
class COLOOP_EXPORT Barrier {
public:
    /// For so many participants; none is misuse.
    explicit Barrier(std::size_t participants) noexcept;

    Barrier(const Barrier&) = delete;
    Barrier& operator=(const Barrier&) = delete;

    ~Barrier() { waiters_.require_unused("a Barrier"); }

    /// Waits until all participants have arrived, and makes the barrier ready for them to meet
    /// again. True for the one that arrived last, and so did not wait, for what is to be done once.
    ///
    /// Throws Cancelled if the coroutine would have to wait and is cancelled before or while it
    /// does; that breaks the barrier. Throws Error if the barrier is or gets broken.
    bool arrive_and_wait() { return arrive_and_wait(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<bool> arrive_and_wait(std::nothrow_t tag) noexcept;

    /// Leaves for good: the others wait for one less from now on, those too that wait already. May
    /// be called outside coroutines; more often than there are participants is misuse.
    void arrive_and_drop() noexcept;

    /// True once a participant was cancelled.
    [[nodiscard]] bool broken() const noexcept { return broken_; }

private:
    void pass() noexcept;
    void break_up() noexcept;

    std::size_t participants_;
    std::size_t arrived_ = 0;
    bool broken_ = false;
    CoQueue waiters_{"wait at a barrier"};
};

}  // namespace coloop

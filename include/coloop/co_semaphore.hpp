// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <coloop/co_queue.hpp>
#include <coloop/export.hpp>

namespace coloop {

/// A number of permits, for limiting how many coroutines of a thread do a thing at once.
///
/// Granted in the order of asking, also when a later and smaller request could be met. Permits
/// belong to nobody in particular: who releases need not be who acquired.
class COLOOP_EXPORT CoSemaphore {
public:
    explicit CoSemaphore(std::size_t permits) : permits_(permits) {}

    CoSemaphore(const CoSemaphore&) = delete;
    CoSemaphore& operator=(const CoSemaphore&) = delete;

    /// Misuse while somebody waits for permits; those that were taken need not be back.
    ~CoSemaphore() { waiters_.require_unused("a CoSemaphore"); }

    /// Waits until `count` permits can be taken, and takes them. Throws Cancelled if the coroutine
    /// is cancelled before or while it waits; it then has taken none.
    void acquire(std::size_t count = 1);

    /// Takes `count` permits if they are free and nobody waits; never waits.
    [[nodiscard]] bool try_acquire(std::size_t count = 1) noexcept;

    /// Gives `count` permits back, or adds new ones. May be called outside coroutines.
    void release(std::size_t count = 1) noexcept;

    /// Permits that are free now.
    [[nodiscard]] std::size_t available() const noexcept { return permits_; }

private:
    void grant() noexcept;

    std::size_t permits_;
    CoQueue waiters_{"acquire a semaphore"};
};

}  // namespace coloop

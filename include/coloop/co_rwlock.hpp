// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <coloop/co_queue.hpp>
#include <coloop/export.hpp>

namespace coloop {

/// Many readers or one writer, for coroutines of one thread.
///
/// Strictly in the order of asking: a reader waits behind a writer that waits, so neither starves;
/// readers next to each other in the queue get in together. Therefore a coroutine that reads must
/// not ask for another read lock: with a writer in between both would wait for ever.
/// Member names are those of std::shared_mutex, so std::unique_lock and std::shared_lock work.
/// Modelled on QEMU's CoRwlock.
class COLOOP_EXPORT CoRwlock {
public:
    CoRwlock() = default;
    CoRwlock(const CoRwlock&) = delete;
    CoRwlock& operator=(const CoRwlock&) = delete;

    /// Misuse while somebody holds it.
    ~CoRwlock() {
        if (writer_ != nullptr || readers_ > 0) [[unlikely]] {
            refuse_to_end();
        }
    }

    /// Waits until the caller is the writer. Throws Cancelled as CoMutex::lock() does.
    void lock();

    /// Becomes the writer if the lock is free and nobody waits; never waits.
    [[nodiscard]] bool try_lock();

    /// Ends writing. Misuse by anyone but the writer.
    void unlock();

    /// Waits until the caller is a reader. Throws Cancelled as CoMutex::lock() does.
    void lock_shared();

    /// Becomes a reader if nobody writes or waits; never waits.
    [[nodiscard]] bool try_lock_shared();

    /// Ends reading. Misuse by a coroutine that holds no lock, or when nobody reads.
    void unlock_shared();

    /// Turns the caller's read lock into the write lock. At once if it is the only reader and
    /// nobody waits; otherwise the read lock is given up and the caller queues as a writer, so
    /// others may have written in between: read again what was read before.
    /// If it throws Cancelled the caller is a reader again, after waiting for its turn.
    void upgrade();

    /// Turns the write lock into a read lock, at once, and lets in the readers that wait next.
    /// Misuse by anyone but the writer.
    void downgrade();

private:
    enum Kind : std::uintptr_t { reader, writer };

    void admit() noexcept;
    [[noreturn]] void refuse_to_end() const noexcept;
    void enter_as(Coroutine& coroutine, Kind kind) noexcept;

    Coroutine* writer_ = nullptr;
    std::size_t readers_ = 0;
    CoQueue waiters_{"lock a rwlock"};
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include <coloop/co_mutex.hpp>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"
#include "sync/require_self.hpp"

namespace coloop {

/// Those who wait for it wait for whoever holds it, so one name is enough.
void CoMutex::refuse_to_end() const noexcept {
    misuse("a CoMutex was destroyed while " + describe(*holder_) + " holds it" +
           (waiters_.empty() ? "" : " and others wait for it") +
           "; unlock it first, and let it outlive all who use it");
}

/// Where the lock is not free, or the caller no coroutine.
void CoMutex::wait_to_lock() {
    const Coroutine& self = require_self("lock", "a mutex");
    if (holder_ == &self) [[unlikely]] {
        misuse("lock a mutex: " + describe(self) + " holds it already; a CoMutex is not recursive");
    }
    waiters_.wait();
}

bool CoMutex::try_lock() {
    Coroutine& self = require_self("try to lock", "a mutex");
    if (holder_ != nullptr) {
        return false;
    }
    take(self);
    return true;
}

void CoMutex::hand_over() noexcept {
    take(waiters_.first());
    waiters_.wake_one();
}

void CoMutex::refuse_to_unlock() const {
    misuse("unlock a mutex: " + describe(require_self("unlock", "a mutex")) +
           " does not hold it; " +
           (holder_ == nullptr ? "nobody does" : describe(*holder_) + " does"));
}

bool CoMutex::held_by_me() const noexcept {
    return holder_ != nullptr && holder_ == Coroutine::self();
}

}  // namespace coloop

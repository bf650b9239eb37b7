// SPDX-License-Identifier: MIT
#include <string>

#include <coloop/co_rwlock.hpp>

#include "base/misuse.hpp"
#include "coroutine/access.hpp"
#include "coroutine/report.hpp"
#include "sync/require_self.hpp"

namespace coloop {

void CoRwlock::enter_as(Coroutine& coroutine, Kind kind) noexcept {
    if (kind == writer) {
        writer_ = &coroutine;
    } else {
        ++readers_;
    }
    ++CoroutineAccess::locks_held(coroutine);
}

/// Lets in those at the head of the queue whose turn it is.
void CoRwlock::admit() noexcept {
    while (!waiters_.empty() && writer_ == nullptr) {
        const auto kind = static_cast<Kind>(waiters_.first_tag());
        if (kind == writer && readers_ > 0) {
            return;
        }
        enter_as(waiters_.first(), kind);
        waiters_.wake_one();
    }
}

void CoRwlock::refuse_to_end() const noexcept {
    misuse("a CoRwlock was destroyed while " +
           (writer_ != nullptr ? describe(*writer_) + " writes" : std::string("somebody reads")) +
           (waiters_.empty() ? "" : " and others wait for it") +
           "; unlock it first, and let it outlive all who use it");
}

void CoRwlock::lock() {
    Coroutine& self = require_self("lock", "a rwlock");
    if (writer_ == &self) [[unlikely]] {
        misuse("lock a rwlock: " + describe(self) + " is its writer already");
    }
    if (!try_lock() && !waiters_.wait_as(writer, CoQueue::back)) {
        admit();  // readers may have waited behind the one that has left
        throw Cancelled();
    }
}

bool CoRwlock::try_lock() {
    Coroutine& self = require_self("try to lock", "a rwlock");
    if (writer_ != nullptr || readers_ > 0 || !waiters_.empty()) {
        return false;
    }
    enter_as(self, writer);
    return true;
}

void CoRwlock::unlock() {
    Coroutine& self = require_self("unlock", "a rwlock");
    if (writer_ != &self) [[unlikely]] {
        misuse("unlock a rwlock: " + describe(self) + " is not its writer");
    }
    --CoroutineAccess::locks_held(self);
    writer_ = nullptr;
    admit();
}

void CoRwlock::lock_shared() {
    Coroutine& self = require_self("read-lock", "a rwlock");
    if (writer_ == &self) [[unlikely]] {
        misuse("read-lock a rwlock: " + describe(self) + " is its writer; use downgrade()");
    }
    if (!try_lock_shared() && !waiters_.wait_as(reader, CoQueue::back)) {
        throw Cancelled();
    }
}

bool CoRwlock::try_lock_shared() {
    Coroutine& self = require_self("try to read-lock", "a rwlock");
    if (writer_ != nullptr || !waiters_.empty()) {
        return false;
    }
    enter_as(self, reader);
    return true;
}

void CoRwlock::unlock_shared() {
    Coroutine& self = require_self("read-unlock", "a rwlock");
    if (readers_ == 0 || CoroutineAccess::locks_held(self) == 0) [[unlikely]] {
        misuse("read-unlock a rwlock: " + describe(self) + " does not read it");
    }
    --CoroutineAccess::locks_held(self);
    --readers_;
    admit();
}

void CoRwlock::upgrade() {
    Coroutine& self = require_self("upgrade", "a rwlock");
    if (readers_ == 0 || CoroutineAccess::locks_held(self) == 0) [[unlikely]] {
        misuse("upgrade a rwlock: " + describe(self) + " does not read it");
    }
    if (readers_ == 1 && waiters_.empty()) {
        readers_ = 0;
        writer_ = &self;
        return;
    }
    if (Wait::already_cancelled()) {
        throw Cancelled();
    }
    --CoroutineAccess::locks_held(self);
    --readers_;
    admit();
    if (!waiters_.wait_as(writer, CoQueue::back)) {
        admit();
        if (!try_lock_shared()) {
            waiters_.wait_as(reader, CoQueue::back, false);
        }
        throw Cancelled();
    }
}

void CoRwlock::downgrade() {
    Coroutine& self = require_self("downgrade", "a rwlock");
    if (writer_ != &self) [[unlikely]] {
        misuse("downgrade a rwlock: " + describe(self) + " is not its writer");
    }
    writer_ = nullptr;
    ++readers_;
    admit();
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
//
// The read-write locks of both eras. In the old one waiters look again when they are woken, and
// waiting writers count for nothing; the modern one lets in who waits in the order of asking.
// A count of locks is kept for each coroutine, so that it can't end with one; which of its locks a
// reader holds is not.
#include <string>

#include <coloop/qemu/symbols.h>

#include "base/misuse.hpp"
#include "c_api/qemu_coroutine.hpp"
#include "c_api/qemu_queue.hpp"
#include "coroutine/access.hpp"
#include "coroutine/report.hpp"

using coloop::CoroutineAccess;
using coloop::describe;
using coloop::misuse;
using coloop::qemu::Era;
using coloop::qemu::Queue;
using coloop::qemu::queue_of;
using coloop::qemu::require_self;

namespace {

enum Kind : std::uintptr_t { reader, writer };

bool writes(const CoRwlock& lock, const coloop::Coroutine* coroutine) noexcept {
    return coroutine != nullptr && static_cast<const void*>(lock.coloop_writer) == coroutine;
}

void refuse_writer(const CoRwlock& lock, const char* operation) noexcept {
    const coloop::Coroutine* self = coloop::Coroutine::self();
    if (writes(lock, self)) {
        misuse(std::string(operation) + ": " + describe(*self) + " is its writer already");
    }
}

/// `coroutine` is null outside.
void enter_as(CoRwlock& lock, coloop::Coroutine* coroutine, Kind kind) noexcept {
    if (kind == writer) {
        lock.writer = true;
        lock.coloop_writer = reinterpret_cast<::Coroutine*>(coroutine);
    } else {
        ++lock.reader;
    }
    if (coroutine != nullptr) {
        ++CoroutineAccess::locks_held(*coroutine);
    } else if (kind == reader) {
        ++lock.coloop_readers_outside;
    }
}

void leave_as_writer(CoRwlock& lock) noexcept {
    if (lock.coloop_writer != nullptr) {
        --CoroutineAccess::locks_held(*reinterpret_cast<coloop::Coroutine*>(lock.coloop_writer));
    }
    lock.writer = false;
    lock.coloop_writer = nullptr;
}

void leave_as_reader(CoRwlock& lock, coloop::Coroutine& self, const char* operation) noexcept {
    std::uint32_t& held = CoroutineAccess::locks_held(self);
    if (lock.reader == 0 || (held == 0 && lock.coloop_readers_outside == 0)) {
        misuse(std::string(operation) + ": " + describe(self) + " does not read it");
    }
    if (held > 0) {
        --held;
    } else {
        --lock.coloop_readers_outside;
    }
    --lock.reader;
}

/// Lets in those at the head of the queue whose turn it is.
void admit(CoRwlock& lock) {
    Queue& queue = queue_of(&lock.queue);
    while (!queue.empty() && !lock.writer) {
        const auto kind = static_cast<Kind>(queue.first_tag());
        if (kind == writer && lock.reader > 0) {
            return;
        }
        enter_as(lock, &queue.first(), kind);
        coloop::qemu::wake_one(queue, Era::modern);
    }
}

void queue_as(CoRwlock& lock, Kind kind) noexcept { queue_of(&lock.queue).wait(false, kind); }

}  // namespace

void coloop_qemu_rwlock_init(CoRwlock* lock) {
    lock->writer = false;
    lock->reader = 0;
    lock->coloop_readers_outside = 0;
    lock->coloop_writer = nullptr;
    coloop::qemu::init_queue(&lock->queue, "lock a CoRwlock");
}

void coloop_qemu1_rwlock_rdlock(CoRwlock* lock) {
    refuse_writer(*lock, "read-lock a CoRwlock");
    while (lock->writer) {
        queue_as(*lock, reader);
    }
    enter_as(*lock, coloop::Coroutine::self(), reader);
}

void coloop_qemu1_rwlock_wrlock(CoRwlock* lock) {
    refuse_writer(*lock, "write-lock a CoRwlock");
    while (lock->writer || lock->reader > 0) {
        queue_as(*lock, writer);
    }
    enter_as(*lock, coloop::Coroutine::self(), writer);
}

void coloop_qemu1_rwlock_unlock(CoRwlock* lock) {
    coloop::Coroutine& self = require_self("unlock a CoRwlock");
    Queue& queue = queue_of(&lock->queue);
    if (lock->writer) {
        leave_as_writer(*lock);
        queue.wake_all();
        return;
    }
    leave_as_reader(*lock, self, "unlock a CoRwlock");
    if (lock->reader == 0) {
        queue.wake_one();
    }
}

void coloop_qemu_rwlock_rdlock(CoRwlock* lock) {
    coloop::Coroutine& self = require_self("read-lock a CoRwlock");
    refuse_writer(*lock, "read-lock a CoRwlock");
    if (lock->writer || !queue_of(&lock->queue).empty()) {
        queue_as(*lock, reader);
    } else {
        enter_as(*lock, &self, reader);
    }
}

void coloop_qemu_rwlock_wrlock(CoRwlock* lock) {
    coloop::Coroutine& self = require_self("write-lock a CoRwlock");
    refuse_writer(*lock, "write-lock a CoRwlock");
    if (lock->writer || lock->reader > 0 || !queue_of(&lock->queue).empty()) {
        queue_as(*lock, writer);
    } else {
        enter_as(*lock, &self, writer);
    }
}

void coloop_qemu_rwlock_upgrade(CoRwlock* lock) {
    coloop::Coroutine& self = require_self("upgrade a CoRwlock");
    leave_as_reader(*lock, self, "upgrade a CoRwlock");
    if (lock->reader == 0 && queue_of(&lock->queue).empty()) {
        enter_as(*lock, &self, writer);
        return;
    }
    admit(*lock);
    queue_as(*lock, writer);
}

void coloop_qemu_rwlock_downgrade(CoRwlock* lock) {
    coloop::Coroutine& self = require_self("downgrade a CoRwlock");
    if (!writes(*lock, &self)) {
        misuse("downgrade a CoRwlock: " + describe(self) + " is not its writer");
    }
    leave_as_writer(*lock);
    enter_as(*lock, &self, reader);
    admit(*lock);
}

void coloop_qemu_rwlock_unlock(CoRwlock* lock) {
    coloop::Coroutine& self = require_self("unlock a CoRwlock");
    if (writes(*lock, &self)) {
        leave_as_writer(*lock);
    } else {
        leave_as_reader(*lock, self, "unlock a CoRwlock");
    }
    admit(*lock);
}

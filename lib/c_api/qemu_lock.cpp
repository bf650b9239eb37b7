// SPDX-License-Identifier: MIT
//
// The locks of both eras. The old ones only wake a waiter, who then looks again; the modern ones
// hand the lock over, so that nobody can take it in between.
#include <string>

#include <coloop/qemu/symbols.h>

#include "base/misuse.hpp"
#include "c_api/qemu_coroutine.hpp"
#include "c_api/qemu_queue.hpp"
#include "coroutine/access.hpp"
#include "coroutine/report.hpp"

namespace coloop::qemu {

namespace {

Coroutine* holder_of(const ::CoMutex& mutex) noexcept {
    return reinterpret_cast<Coroutine*>(mutex.holder);
}

/// `coroutine` is null outside.
void take(::CoMutex& mutex, Coroutine* coroutine) noexcept {
    mutex.locked = true;
    mutex.holder = reinterpret_cast<::Coroutine*>(coroutine);
    if (coroutine != nullptr) {
        ++CoroutineAccess::locks_held(*coroutine);
    }
}

void let_go(::CoMutex& mutex) noexcept {
    if (Coroutine* holder = holder_of(mutex)) {
        --CoroutineAccess::locks_held(*holder);
    }
    mutex.locked = false;
    mutex.holder = nullptr;
}

void refuse_to_lock_twice(const ::CoMutex& mutex) noexcept {
    const Coroutine* self = Coroutine::self();
    if (self != nullptr && holder_of(mutex) == self) {
        misuse("lock a CoMutex: " + describe(*self) + " holds it already; it is not recursive");
    }
}

[[noreturn]] void refuse_to_unlock(const ::CoMutex& mutex, const Coroutine& self) noexcept {
    const Coroutine* holder = holder_of(mutex);
    misuse("unlock a CoMutex: " + describe(self) + " does not hold it; " +
           (holder != nullptr ? describe(*holder) + " does" : std::string("nobody does")));
}

}  // namespace

}  // namespace coloop::qemu

using coloop::describe;
using coloop::misuse;
using namespace coloop::qemu;

void coloop_qemu_mutex_init(CoMutex* mutex) {
    mutex->locked = false;
    mutex->holder = nullptr;
    init_queue(&mutex->queue, "lock a CoMutex");
}

void coloop_qemu1_mutex_lock(CoMutex* mutex) {
    refuse_to_lock_twice(*mutex);
    while (mutex->locked) {
        queue_of(&mutex->queue).wait(false);
    }
    take(*mutex, coloop::Coroutine::self());
}

void coloop_qemu1_mutex_unlock(CoMutex* mutex) {
    const coloop::Coroutine& self = require_self("unlock a CoMutex");
    if (!mutex->locked) {
        refuse_to_unlock(*mutex, self);
    }
    let_go(*mutex);
    queue_of(&mutex->queue).wake_one();
}

void coloop_qemu_mutex_lock(CoMutex* mutex) {
    coloop::Coroutine& self = require_self("lock a CoMutex");
    refuse_to_lock_twice(*mutex);
    if (mutex->locked) {
        queue_of(&mutex->queue).wait(false);  // who unlocks takes it for the caller
    } else {
        take(*mutex, &self);
    }
}

void coloop_qemu_mutex_unlock(CoMutex* mutex) {
    const coloop::Coroutine& self = require_self("unlock a CoMutex");
    if (holder_of(*mutex) != &self) {
        refuse_to_unlock(*mutex, self);
    }
    let_go(*mutex);
    Queue& queue = queue_of(&mutex->queue);
    if (!queue.empty()) {
        take(*mutex, &queue.first());
        wake_one(queue, Era::modern);
    }
}

void coloop_qemu_mutex_assert_locked(const CoMutex* mutex) {
    const coloop::Coroutine& self = require_self("assert that a CoMutex is locked");
    if (holder_of(*mutex) != &self) {
        misuse("a CoMutex should be held by " + describe(self) + " here, and is not");
    }
}

void coloop_qemu_lock_mutex(void* mutex) { coloop_qemu_mutex_lock(static_cast<CoMutex*>(mutex)); }

void coloop_qemu_unlock_mutex(void* mutex) {
    coloop_qemu_mutex_unlock(static_cast<CoMutex*>(mutex));
}

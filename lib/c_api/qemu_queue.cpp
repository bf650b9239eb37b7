// SPDX-License-Identifier: MIT
#include "c_api/qemu_queue.hpp"

#include <new>

#include <coloop/qemu/symbols.h>

#include "c_api/qemu_coroutine.hpp"

namespace coloop::qemu {

static_assert(sizeof(Queue) <= sizeof(::CoQueue) && alignof(Queue) <= alignof(::CoQueue));

Queue& queue_of(::CoQueue* queue) noexcept {
    return *std::launder(reinterpret_cast<Queue*>(queue->coloop_words));
}

const Queue& queue_of(const ::CoQueue* queue) noexcept {
    return *std::launder(reinterpret_cast<const Queue*>(queue->coloop_words));
}

void init_queue(::CoQueue* queue, const char* operation) noexcept {
    new (queue->coloop_words) Queue(operation);
}

bool wake_one(Queue& queue, Era era) {
    if (queue.empty()) {
        return false;
    }
    if (era == Era::old) {
        return queue.wake_one();
    }
    enter_after_current(queue.take_first());
    return true;
}

namespace {

/// Unlocks, if there is a lock, and locks again at its end.
class Unlocked {
public:
    explicit Unlocked(QemuLockable* lock) : lock_(lock) {
        if (lock_ != nullptr) {
            lock_->unlock(lock_->object);
        }
    }

    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;

    ~Unlocked() {
        if (lock_ != nullptr) {
            lock_->lock(lock_->object);
        }
    }

private:
    QemuLockable* lock_;
};

/// Wakes the longest waiter, with the lock unlocked while that may run.
void wake_unlocked(Queue& queue, QemuLockable* lock) {
    Coroutine& coroutine = queue.take_first();
    const Unlocked unlocked(lock);
    enter_after_current(coroutine);
}

}  // namespace

}  // namespace coloop::qemu

using coloop::qemu::Era;
using coloop::qemu::Queue;
using coloop::qemu::queue_of;

void coloop_qemu_queue_init(CoQueue* queue) {
    coloop::qemu::init_queue(queue, "wait in a CoQueue");
}

void coloop_qemu_queue_wait(CoQueue* queue, bool at_front) { queue_of(queue).wait(at_front); }

bool coloop_qemu_queue_empty(const CoQueue* queue) { return queue_of(queue).empty(); }

bool coloop_qemu1_queue_next(CoQueue* queue) {
    return coloop::qemu::wake_one(queue_of(queue), Era::old);
}

void coloop_qemu1_queue_restart_all(CoQueue* queue) { queue_of(queue).wake_all(); }

void coloop_qemu_queue_wait_unlocked(CoQueue* queue, QemuLockable* lock, bool at_front) {
    const coloop::qemu::Unlocked unlocked(lock);
    queue_of(queue).wait(at_front);
}

bool coloop_qemu_queue_enter_next(CoQueue* queue, QemuLockable* lock) {
    if (queue_of(queue).empty()) {
        return false;
    }
    coloop::qemu::wake_unlocked(queue_of(queue), lock);
    return true;
}

/// Only those who wait now: who runs meanwhile and waits anew would otherwise be woken for ever.
void coloop_qemu_queue_enter_all(CoQueue* queue, QemuLockable* lock) {
    Queue now;
    now.take_all(queue_of(queue));
    while (!now.empty()) {
        coloop::qemu::wake_unlocked(now, lock);
    }
}

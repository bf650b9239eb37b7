/* SPDX-License-Identifier: MIT */
/*
 * The coroutines of QEMU 1.1.1: its names and what they meant there. For code written for that
 * version; newer code includes <coloop/qemu/coroutine.h>. A source file uses one of the two, a
 * program may use both.
 *
 * Coroutines that are woken run from the libuv loop that coloop is attached to on this thread
 * (coloop_loop_attach), where QEMU had its main loop: in the order of waking, after the waker has
 * given control back to the loop. Without a loop they run when the outermost enter returns.
 *
 * What QEMU left undefined, or answered by corruption or by waiting for ever, ends the program with
 * a sentence: entering a coroutine that waits in a queue, is about to run, or has ended; locking
 * twice; ending with a lock held. Coroutines that wake each other in turns don't keep the loop from
 * its other work, as they did there. `queue.entries` is gone: use qemu_co_queue_empty().
 *
 * These waits can't be cancelled: a C function has no way to be told.
 */
#ifndef COLOOP_QEMU_COROUTINE_H
#define COLOOP_QEMU_COROUTINE_H

#ifdef COLOOP_QEMU_MODERN_COROUTINE_H
#error "<coloop/qemu/coroutine.h> is included already; a source file uses the names of one version"
#endif

#include <coloop/qemu/symbols.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The monotonic clock; the one that stands still while the machine does; the time of day. */
static QEMUClock* const rt_clock __attribute__((unused)) = &coloop_qemu1_clocks[0];
static QEMUClock* const vm_clock __attribute__((unused)) = &coloop_qemu1_clocks[1];
static QEMUClock* const host_clock __attribute__((unused)) = &coloop_qemu1_clocks[2];

/* Makes a coroutine that will call `entry`; does not run it. NULL if there is no memory. */
static inline Coroutine* qemu_coroutine_create(CoroutineEntry* entry) {
    return coloop_qemu_create(entry, 0);
}

/*
 * Switches to the coroutine, which must be new, have yielded, or sleep in co_sleep_ns(): then that
 * returns early. Returns when the coroutine stops or has ended. The `opaque` of the first enter
 * becomes the entry function's argument; later ones are ignored.
 */
static inline void qemu_coroutine_enter(Coroutine* coroutine, void* opaque) {
    coloop_qemu1_enter(coroutine, opaque);
}

/* Switches back to who entered last; returns when somebody enters again. */
static inline void coroutine_fn qemu_coroutine_yield(void) { coloop_qemu_yield(); }

/* The running coroutine; outside, something that stands for the thread and can't be entered. */
static inline Coroutine* coroutine_fn qemu_coroutine_self(void) { return coloop_qemu_self(); }

static inline bool qemu_in_coroutine(void) { return coloop_qemu_in_coroutine(); }

/* A queue needs no destroying, but must outlive its waiters. */
static inline void qemu_co_queue_init(CoQueue* queue) { coloop_qemu_queue_init(queue); }

/* Waits to be woken, behind all others. */
static inline void coroutine_fn qemu_co_queue_wait(CoQueue* queue) {
    coloop_qemu_queue_wait(queue, false);
}

/* Waits to be woken, before all others. */
static inline void coroutine_fn qemu_co_queue_wait_insert_head(CoQueue* queue) {
    coloop_qemu_queue_wait(queue, true);
}

/* Wakes the first waiter; false if there is none. May be called in coroutines and outside. */
static inline bool qemu_co_queue_next(CoQueue* queue) { return coloop_qemu1_queue_next(queue); }

/* Wakes all who wait now, in their order. */
static inline void qemu_co_queue_restart_all(CoQueue* queue) {
    coloop_qemu1_queue_restart_all(queue);
}

/* True if nobody waits; those already woken don't count. */
static inline bool qemu_co_queue_empty(CoQueue* queue) { return coloop_qemu_queue_empty(queue); }

static inline void qemu_co_mutex_init(CoMutex* mutex) { coloop_qemu_mutex_init(mutex); }

/*
 * Waits until the mutex is free and takes it. Not fair: until a woken waiter runs anybody may take
 * the mutex, and the waiter then queues behind all others. Outside coroutines only if it is free.
 */
static inline void coroutine_fn qemu_co_mutex_lock(CoMutex* mutex) {
    coloop_qemu1_mutex_lock(mutex);
}

/* Frees the mutex, also one that another coroutine has locked, and wakes the first waiter. */
static inline void coroutine_fn qemu_co_mutex_unlock(CoMutex* mutex) {
    coloop_qemu1_mutex_unlock(mutex);
}

static inline void qemu_co_rwlock_init(CoRwlock* lock) { coloop_qemu_rwlock_init(lock); }

/* Waits while somebody writes. Readers pass writers that wait, so those may wait for long. */
static inline void qemu_co_rwlock_rdlock(CoRwlock* lock) { coloop_qemu1_rwlock_rdlock(lock); }

/* Waits while somebody writes or reads; who reads already would wait for itself. */
static inline void qemu_co_rwlock_wrlock(CoRwlock* lock) { coloop_qemu1_rwlock_wrlock(lock); }

/* Ends writing and wakes all waiters, or ends reading and, if nobody reads then, wakes one. */
static inline void qemu_co_rwlock_unlock(CoRwlock* lock) { coloop_qemu1_rwlock_unlock(lock); }

/*
 * Sleeps, for the loop's next turn at least, and never too short unless somebody enters the
 * coroutine. Needs a loop.
 */
static inline void coroutine_fn co_sleep_ns(QEMUClock* clock, int64_t ns) {
    coloop_qemu1_sleep_ns(clock, ns);
}

#ifdef __cplusplus
}
#endif

#endif

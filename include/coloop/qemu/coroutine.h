/* SPDX-License-Identifier: MIT */
/*
 * The coroutines of today's QEMU: its names and what they mean there. For code written for QEMU
 * 1.1.1 there is <coloop/qemu-coroutine.h>; a source file uses one of the two.
 *
 * Who is woken in a coroutine runs when that coroutine stops, before the enter that runs it
 * returns; whom that one wakes runs before older ones. Who is woken outside coroutines runs at
 * once, inside the call. (A coroutine that the loop itself has resumed gives way to the loop after
 * 64 wakes in a row that lead one to the next.)
 *
 * Unlike in QEMU a coroutine stays on the thread that made it, and so do the queues and locks that
 * it uses: aio_co_wake() and aio_co_schedule() may be called from other threads, and nothing else.
 * What QEMU left undefined, or answered by waiting for ever, ends the program with a sentence.
 * These waits can't be cancelled: a C function has no way to be told.
 */
#ifndef COLOOP_QEMU_MODERN_COROUTINE_H
#define COLOOP_QEMU_MODERN_COROUTINE_H

#ifdef COLOOP_QEMU_COROUTINE_H
#error "<coloop/qemu-coroutine.h> is included already; a source file uses the names of one version"
#endif

#include <coloop/qemu/lockable.h>
#include <coloop/qemu/symbols.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    QEMU_CLOCK_REALTIME, /* monotonic */
    QEMU_CLOCK_VIRTUAL,  /* stands still while the machine does: coloop_qemu_run_vm_clock() */
    QEMU_CLOCK_HOST,     /* the time of day */
} QEMUClockType;

/* ---- coroutines ---- */

/* Makes a coroutine that will call `entry(opaque)`; does not run it. NULL if there is no memory. */
static inline Coroutine* qemu_coroutine_create(CoroutineEntry* entry, void* opaque) {
    return coloop_qemu_create(entry, opaque);
}

/*
 * Switches to a coroutine that is new or has yielded. Returns when it has stopped or ended, and so
 * have those that it has woken.
 */
static inline void qemu_coroutine_enter(Coroutine* coroutine) { coloop_qemu_enter(0, coroutine); }

/* The same, as a coroutine of that loop, which must be the calling thread's. */
static inline void qemu_aio_coroutine_enter(AioContext* ctx, Coroutine* coroutine) {
    coloop_qemu_enter(ctx, coroutine);
}

/* True while it runs, or another one that it has entered. */
static inline bool qemu_coroutine_entered(Coroutine* coroutine) {
    return coloop_qemu_entered(coroutine);
}

static inline void qemu_coroutine_enter_if_inactive(Coroutine* coroutine) {
    if (!coloop_qemu_entered(coroutine)) {
        coloop_qemu_enter(0, coroutine);
    }
}

/* Switches back to who entered last; returns when somebody enters or wakes it. */
static inline void coroutine_fn qemu_coroutine_yield(void) { coloop_qemu_yield(); }

/* The running coroutine; outside, something that stands for the thread and can't be entered. */
static inline Coroutine* qemu_coroutine_self(void) { return coloop_qemu_self(); }

static inline bool qemu_in_coroutine(void) { return coloop_qemu_in_coroutine(); }

/* The loop that it belongs to: of its first enter, and before that of its creation. May be NULL. */
static inline AioContext* qemu_coroutine_get_aio_context(Coroutine* coroutine) {
    return coloop_qemu_loop_of(coroutine);
}

/* The running coroutine's loop, outside the thread's first one; NULL if there is none. */
static inline AioContext* qemu_get_current_aio_context(void) { return coloop_qemu_current_loop(); }

/* coloop's pool of stacks follows the demand; these are here so that callers compile. */
static inline void qemu_coroutine_inc_pool_size(unsigned int more) { (void)more; }

static inline void qemu_coroutine_dec_pool_size(unsigned int less) { (void)less; }

/* ---- queues ---- */

typedef enum {
    CO_QUEUE_WAIT_FRONT = 0x1, /* before all others */
} CoQueueWaitFlags;

/* A queue needs no destroying, but must outlive its waiters. */
static inline void qemu_co_queue_init(CoQueue* queue) { coloop_qemu_queue_init(queue); }

/* Waits to be woken, with `lock`, if not NULL, unlocked meanwhile. */
#define qemu_co_queue_wait(queue, lock) \
    coloop_qemu_queue_wait_unlocked(queue, QEMU_MAKE_LOCKABLE(lock), false)

#define qemu_co_queue_wait_flags(queue, lock, flags)                 \
    coloop_qemu_queue_wait_unlocked(queue, QEMU_MAKE_LOCKABLE(lock), \
                                    ((flags)&CO_QUEUE_WAIT_FRONT) != 0)

/* Wakes the first waiter; false if there is none. */
static inline bool qemu_co_queue_next(CoQueue* queue) {
    return coloop_qemu_queue_enter_next(queue, 0);
}

/* Wakes all who wait now, in their order. */
static inline void qemu_co_queue_restart_all(CoQueue* queue) {
    coloop_qemu_queue_enter_all(queue, 0);
}

/* The same with `lock`, if not NULL, unlocked while others run. */
#define qemu_co_enter_next(queue, lock) \
    coloop_qemu_queue_enter_next(queue, QEMU_MAKE_LOCKABLE(lock))
#define qemu_co_enter_all(queue, lock) coloop_qemu_queue_enter_all(queue, QEMU_MAKE_LOCKABLE(lock))

/* True if nobody waits; those already woken don't count. */
static inline bool qemu_co_queue_empty(CoQueue* queue) { return coloop_qemu_queue_empty(queue); }

/* ---- locks ---- */

static inline void qemu_co_mutex_init(CoMutex* mutex) { coloop_qemu_mutex_init(mutex); }

/* Waits until the mutex is the caller's. Fair: in the order of asking. Misuse if it already is. */
static inline void coroutine_fn qemu_co_mutex_lock(CoMutex* mutex) {
    coloop_qemu_mutex_lock(mutex);
}

/* Hands the mutex to the longest waiter, or frees it. Misuse by anybody but the holder. */
static inline void coroutine_fn qemu_co_mutex_unlock(CoMutex* mutex) {
    coloop_qemu_mutex_unlock(mutex);
}

/* Misuse if the caller does not hold it. */
static inline void coroutine_fn qemu_co_mutex_assert_locked(CoMutex* mutex) {
    coloop_qemu_mutex_assert_locked(mutex);
}

static inline void qemu_co_rwlock_init(CoRwlock* lock) { coloop_qemu_rwlock_init(lock); }

/* Waits until the caller may read, behind writers that wait: so never read-lock twice. */
static inline void coroutine_fn qemu_co_rwlock_rdlock(CoRwlock* lock) {
    coloop_qemu_rwlock_rdlock(lock);
}

/* Waits until the caller may write, in the order of asking. */
static inline void coroutine_fn qemu_co_rwlock_wrlock(CoRwlock* lock) {
    coloop_qemu_rwlock_wrlock(lock);
}

/*
 * Turns reading into writing: at once if nobody else reads or waits, otherwise the read lock is
 * given up and the caller queues, so that others may write before it.
 */
static inline void coroutine_fn qemu_co_rwlock_upgrade(CoRwlock* lock) {
    coloop_qemu_rwlock_upgrade(lock);
}

/* Turns writing into reading, at once, and lets in the readers that wait next. */
static inline void coroutine_fn qemu_co_rwlock_downgrade(CoRwlock* lock) {
    coloop_qemu_rwlock_downgrade(lock);
}

static inline void coroutine_fn qemu_co_rwlock_unlock(CoRwlock* lock) {
    coloop_qemu_rwlock_unlock(lock);
}

#ifdef __cplusplus
}
#endif

#include <coloop/qemu/aio.h>

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Time, loops and blocking work for coroutines. Part of <coloop/qemu/coroutine.h>, which programs
 * include.
 */
#ifndef COLOOP_QEMU_AIO_H
#define COLOOP_QEMU_AIO_H

#include <coloop/qemu/coroutine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- loops ---- */

/*
 * Runs the coroutine from that loop, soon; from any thread. It must belong to the loop's thread,
 * and must have yielded by then: it may schedule itself and yield. Misuse if it is scheduled
 * already.
 */
static inline void aio_co_schedule(AioContext* ctx, Coroutine* coroutine) {
    coloop_qemu_aio_schedule(ctx, coroutine);
}

/*
 * Runs the coroutine where it belongs. From another thread: soon. In a coroutine: when that stops.
 * Otherwise at once, inside the call. It must have yielded, or be new.
 */
static inline void aio_co_wake(Coroutine* coroutine) { coloop_qemu_aio_enter(0, coroutine); }

/* The same with that loop, which a new coroutine then belongs to. */
static inline void aio_co_enter(AioContext* ctx, Coroutine* coroutine) {
    coloop_qemu_aio_enter(ctx, coroutine);
}

/* Lets the caller go on from another loop of its thread. Misuse if it is another thread's. */
static inline void coroutine_fn aio_co_reschedule_self(AioContext* ctx) {
    coloop_qemu_aio_reschedule_self(ctx);
}

/* ---- time ---- */

/* Sleeps for the loop's next turn at least, and never too short. */
static inline void coroutine_fn qemu_co_sleep_ns(QEMUClockType type, int64_t ns) {
    QemuCoSleep sleep = {0};

    coloop_qemu_sleep_ns(&sleep, type, ns);
}

/* Sleeps until somebody wakes `sleep`, which nobody else may sleep on. */
static inline void coroutine_fn qemu_co_sleep(QemuCoSleep* sleep) { coloop_qemu_sleep(sleep); }

/* The same, but for `ns` at most. */
static inline void coroutine_fn qemu_co_sleep_ns_wakeable(QemuCoSleep* sleep, QEMUClockType type,
                                                          int64_t ns) {
    coloop_qemu_sleep_ns(sleep, type, ns);
}

/* Ends the sleep; a wake while nobody sleeps does nothing and is not remembered. */
static inline void qemu_co_sleep_wake(QemuCoSleep* sleep) { coloop_qemu_sleep_wake(sleep); }

/*
 * Runs `entry(opaque)` in a coroutine of its own and waits for it, for `ns` at most, without limit
 * if that is 0. Returns 0, or -ETIMEDOUT: then `entry` goes on, and `clean(opaque)`, if not NULL,
 * is called when it has ended. -ENOMEM if there is no stack for it.
 */
static inline int coroutine_fn qemu_co_timeout(CoroutineEntry* entry, void* opaque, uint64_t ns,
                                               void (*clean)(void* opaque)) {
    return coloop_qemu_timeout(entry, opaque, ns, clean);
}

/* ---- what others do meanwhile ---- */

/*
 * Waits until `fd` can be read, or has ended or failed. It must not be closed meanwhile, nor be
 * watched by anybody else on this loop.
 */
static inline void coroutine_fn yield_until_fd_readable(int fd) {
    coloop_qemu_yield_until_readable(fd);
}

/* Calls `function(argument)` on a thread of libuv's pool, waits for it and returns what it does. */
static inline int coroutine_fn thread_pool_submit_co(int (*function)(void* argument),
                                                     void* argument) {
    return coloop_qemu_thread_pool_submit(function, argument);
}

/* ---- shared resources ---- */

static inline SharedResource* shres_create(uint64_t total) {
    return coloop_qemu_shres_create(total);
}

/* Misuse while some of it is taken. */
static inline void shres_destroy(SharedResource* resource) { coloop_qemu_shres_destroy(resource); }

/* Takes `n` if they are there; never waits. */
static inline bool co_try_get_from_shres(SharedResource* resource, uint64_t n) {
    return coloop_qemu_shres_try_get(resource, n);
}

/* Waits until there are `n` and takes them; misuse if there never were that many. */
static inline void coroutine_fn co_get_from_shres(SharedResource* resource, uint64_t n) {
    coloop_qemu_shres_get(resource, n);
}

/* Gives `n` back and wakes who waits; misuse if fewer are taken. */
static inline void coroutine_fn co_put_to_shres(SharedResource* resource, uint64_t n) {
    coloop_qemu_shres_put(resource, n);
}

/* ---- calls put off ---- */

/*
 * Between begin and end, which nest, on this thread: defer_call() notes calls instead of making
 * them, equal ones once; the outermost end makes them in their order. So several coroutines'
 * requests can go out together.
 */
static inline void defer_call_begin(void) { coloop_qemu_defer_call_begin(); }

static inline void defer_call_end(void) { coloop_qemu_defer_call_end(); }

/* Calls `function(opaque)`: at the end of the section, at once if there is none. */
static inline void defer_call(void (*function)(void* opaque), void* opaque) {
    coloop_qemu_defer_call(function, opaque);
}

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The symbols beneath QEMU's names. Programs include <coloop/qemu/coroutine.h> or
 * <coloop/qemu-coroutine.h>, which tell what they do.
 */
#ifndef COLOOP_QEMU_SYMBOLS_H
#define COLOOP_QEMU_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include <coloop/qemu/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- of both headers ---- */

COLOOP_EXPORT Coroutine* coloop_qemu_create(CoroutineEntry* entry, void* opaque);
COLOOP_EXPORT void coloop_qemu_yield(void);
COLOOP_EXPORT Coroutine* coloop_qemu_self(void);
COLOOP_EXPORT bool coloop_qemu_in_coroutine(void);

COLOOP_EXPORT void coloop_qemu_queue_init(CoQueue* queue);
COLOOP_EXPORT void coloop_qemu_queue_wait(CoQueue* queue, bool at_front);
COLOOP_EXPORT bool coloop_qemu_queue_empty(const CoQueue* queue);
COLOOP_EXPORT void coloop_qemu_mutex_init(CoMutex* mutex);
COLOOP_EXPORT void coloop_qemu_rwlock_init(CoRwlock* lock);

/*
 * The clock that stops when a virtual machine does; one for each thread, at first running. While it
 * stands still, those who sleep by it sleep on.
 */
COLOOP_EXPORT void coloop_qemu_run_vm_clock(bool running);

/* ---- of <coloop/qemu-coroutine.h> ---- */

COLOOP_EXPORT extern QEMUClock coloop_qemu1_clocks[3];
COLOOP_EXPORT void coloop_qemu1_enter(Coroutine* coroutine, void* opaque);
COLOOP_EXPORT bool coloop_qemu1_queue_next(CoQueue* queue);
COLOOP_EXPORT void coloop_qemu1_queue_restart_all(CoQueue* queue);
COLOOP_EXPORT void coloop_qemu1_mutex_lock(CoMutex* mutex);
COLOOP_EXPORT void coloop_qemu1_mutex_unlock(CoMutex* mutex);
COLOOP_EXPORT void coloop_qemu1_rwlock_rdlock(CoRwlock* lock);
COLOOP_EXPORT void coloop_qemu1_rwlock_wrlock(CoRwlock* lock);
COLOOP_EXPORT void coloop_qemu1_rwlock_unlock(CoRwlock* lock);
COLOOP_EXPORT void coloop_qemu1_sleep_ns(QEMUClock* clock, int64_t ns);

/* ---- of <coloop/qemu/coroutine.h> ---- */

COLOOP_EXPORT void coloop_qemu_lock_mutex(void* mutex);
COLOOP_EXPORT void coloop_qemu_unlock_mutex(void* mutex);
COLOOP_EXPORT void coloop_qemu_enter(AioContext* ctx, Coroutine* coroutine);
COLOOP_EXPORT bool coloop_qemu_entered(Coroutine* coroutine);
COLOOP_EXPORT AioContext* coloop_qemu_loop_of(Coroutine* coroutine);
COLOOP_EXPORT AioContext* coloop_qemu_current_loop(void);
COLOOP_EXPORT void coloop_qemu_queue_wait_unlocked(CoQueue* queue, QemuLockable* lock,
                                                   bool at_front);
COLOOP_EXPORT bool coloop_qemu_queue_enter_next(CoQueue* queue, QemuLockable* lock);
COLOOP_EXPORT void coloop_qemu_queue_enter_all(CoQueue* queue, QemuLockable* lock);
COLOOP_EXPORT void coloop_qemu_mutex_lock(CoMutex* mutex);
COLOOP_EXPORT void coloop_qemu_mutex_unlock(CoMutex* mutex);
COLOOP_EXPORT void coloop_qemu_mutex_assert_locked(const CoMutex* mutex);
COLOOP_EXPORT void coloop_qemu_rwlock_rdlock(CoRwlock* lock);
COLOOP_EXPORT void coloop_qemu_rwlock_wrlock(CoRwlock* lock);
COLOOP_EXPORT void coloop_qemu_rwlock_upgrade(CoRwlock* lock);
COLOOP_EXPORT void coloop_qemu_rwlock_downgrade(CoRwlock* lock);
COLOOP_EXPORT void coloop_qemu_rwlock_unlock(CoRwlock* lock);
COLOOP_EXPORT void coloop_qemu_aio_schedule(AioContext* ctx, Coroutine* coroutine);
COLOOP_EXPORT void coloop_qemu_aio_enter(AioContext* ctx, Coroutine* coroutine);
COLOOP_EXPORT void coloop_qemu_aio_reschedule_self(AioContext* ctx);
COLOOP_EXPORT void coloop_qemu_sleep(QemuCoSleep* sleep);
COLOOP_EXPORT void coloop_qemu_sleep_ns(QemuCoSleep* sleep, int clock, int64_t ns);
COLOOP_EXPORT void coloop_qemu_sleep_wake(QemuCoSleep* sleep);
COLOOP_EXPORT int coloop_qemu_timeout(CoroutineEntry* entry, void* opaque, uint64_t ns,
                                      void (*clean)(void* opaque));
COLOOP_EXPORT void coloop_qemu_yield_until_readable(int fd);
COLOOP_EXPORT int coloop_qemu_thread_pool_submit(int (*function)(void* argument), void* argument);
COLOOP_EXPORT SharedResource* coloop_qemu_shres_create(uint64_t total);
COLOOP_EXPORT void coloop_qemu_shres_destroy(SharedResource* resource);
COLOOP_EXPORT bool coloop_qemu_shres_try_get(SharedResource* resource, uint64_t n);
COLOOP_EXPORT void coloop_qemu_shres_get(SharedResource* resource, uint64_t n);
COLOOP_EXPORT void coloop_qemu_shres_put(SharedResource* resource, uint64_t n);
COLOOP_EXPORT void coloop_qemu_defer_call_begin(void);
COLOOP_EXPORT void coloop_qemu_defer_call_end(void);
COLOOP_EXPORT void coloop_qemu_defer_call(void (*function)(void* opaque), void* opaque);

#ifdef __cplusplus
}
#endif

#endif

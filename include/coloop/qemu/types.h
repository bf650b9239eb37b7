/* SPDX-License-Identifier: MIT */
/*
 * What both headers with QEMU's names share. Programs include one of those, never this.
 *
 * The functions that QEMU declares are inline functions over the symbols below, so that a program
 * which uses them exports nothing that QEMU itself exports.
 */
#ifndef COLOOP_QEMU_TYPES_H
#define COLOOP_QEMU_TYPES_H

#include <stdbool.h>

#include <coloop/coloop.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Documentation only: the function must run, may run, must not run in a coroutine. */
#define coroutine_fn
#define coroutine_mixed_fn
#define no_coroutine_fn

/*
 * A function with a stack of its own, of 1 MiB, of which memory is used as it is touched. Gone when
 * the function has returned; there is no other way to destroy one. It belongs to the thread that
 * made it. Every coroutine of coloop is one, also those that C++ has made.
 */
typedef struct Coroutine Coroutine;

typedef void CoroutineEntry(void* opaque);

/* Coroutines that wait to be woken. `coloop_words` is coloop's own. */
typedef struct CoQueue {
    void* coloop_words[4];
} CoQueue;

/* May be read: whether it is locked, and by whom (NULL: by code outside coroutines). */
typedef struct CoMutex {
    bool locked;
    Coroutine* holder;
    CoQueue queue;
} CoMutex;

/* May be read: whether somebody writes, and how many read. The rest is coloop's own. */
typedef struct CoRwlock {
    bool writer;
    int reader;
    int coloop_readers_outside;
    Coroutine* coloop_writer;
    CoQueue queue;
} CoRwlock;

typedef struct QEMUClock {
    int coloop_kind;
} QEMUClock;

/* What QEMU calls a loop. */
typedef coloop_loop AioContext;

typedef void QemuLockUnlockFunc(void* object);

/* A lock of any kind: fill one in for locks that coloop does not know. */
typedef struct QemuLockable {
    void* object;
    QemuLockUnlockFunc* lock;
    QemuLockUnlockFunc* unlock;
} QemuLockable;

/* A sleeper, for the one who wakes it. Zero when nobody sleeps. */
typedef struct QemuCoSleep {
    Coroutine* to_wake;
} QemuCoSleep;

/* A number of things that requests take some of: not in order, a small one may pass a large one. */
typedef struct SharedResource SharedResource;

#ifdef __cplusplus
}
#endif

#endif

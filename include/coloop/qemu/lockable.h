/* SPDX-License-Identifier: MIT */
/*
 * Locks of any kind as one type, and locks that end with their block. Part of
 * <coloop/qemu/coroutine.h>, which programs include.
 */
#ifndef COLOOP_QEMU_LOCKABLE_H
#define COLOOP_QEMU_LOCKABLE_H

#include <stddef.h>

#include <coloop/qemu/symbols.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline QemuLockable coloop_lockable_of(void* object, QemuLockUnlockFunc* lock,
                                              QemuLockUnlockFunc* unlock) {
    QemuLockable lockable;

    lockable.object = object;
    lockable.lock = lock;
    lockable.unlock = unlock;
    return lockable;
}

static inline void qemu_lockable_lock(QemuLockable* lockable) { lockable->lock(lockable->object); }

static inline void qemu_lockable_unlock(QemuLockable* lockable) {
    lockable->unlock(lockable->object);
}

static inline QemuLockable coloop_guard_begin(const QemuLockable* lockable) {
    QemuLockable guard = {0, 0, 0};

    if (lockable) {
        guard = *lockable;
        guard.lock(guard.object);
    }
    return guard;
}

static inline void coloop_guard_end(const QemuLockable* guard) {
    if (guard->object) {
        guard->unlock(guard->object);
    }
}

#ifdef __cplusplus
}

/* What QEMU_MAKE_LOCKABLE gives in C++: lives as long as the expression it is used in. */
struct ColoopLockable {
    QemuLockable lockable;

    operator QemuLockable*() { return lockable.object == nullptr ? nullptr : &lockable; }
};

inline ColoopLockable coloop_lockable_from(CoMutex* mutex) {
    return {coloop_lockable_of(mutex, coloop_qemu_lock_mutex, coloop_qemu_unlock_mutex)};
}

inline QemuLockable* coloop_lockable_from(QemuLockable* lockable) { return lockable; }

template <typename Lock>
auto coloop_make_lockable(Lock* lock) -> decltype(coloop_lockable_from(lock)) {
    return coloop_lockable_from(lock);
}

inline QemuLockable* coloop_make_lockable(decltype(nullptr)) { return nullptr; }

#define QEMU_MAKE_LOCKABLE(x) coloop_make_lockable(x)
#else
static inline QemuLockable* coloop_make_lockable(QemuLockable* lockable) {
    return lockable->object ? lockable : NULL;
}

/*
 * A handle for a CoMutex or another QemuLockable, which lives as long as the block; NULL for NULL.
 */
#define QEMU_MAKE_LOCKABLE(x) \
    _Generic((x),                                                                              \
             CoMutex *: coloop_make_lockable(&(QemuLockable){(void *)(x),                      \
                                                             coloop_qemu_lock_mutex,           \
                                                             coloop_qemu_unlock_mutex}),       \
             QemuLockable *: (QemuLockable *)(void *)(x),                                      \
             void *: (QemuLockable *)NULL)
#endif

#define COLOOP_JOIN_(a, b) a##b
#define COLOOP_JOIN(a, b) COLOOP_JOIN_(a, b)

/* Locks until the end of the enclosing block. */
#define QEMU_LOCK_GUARD(x)                                     \
    const QemuLockable COLOOP_JOIN(coloop_guard_, __COUNTER__) \
        __attribute__((cleanup(coloop_guard_end), unused)) =   \
            coloop_guard_begin(QEMU_MAKE_LOCKABLE(x))

/* Locks for the block that follows, however that is left. */
#define WITH_QEMU_LOCK_GUARD(x) COLOOP_WITH_LOCK_GUARD_(x, __COUNTER__)
#define COLOOP_WITH_LOCK_GUARD_(x, number) \
    COLOOP_WITH_LOCK_GUARD(x, COLOOP_JOIN(coloop_guard_, number), COLOOP_JOIN(coloop_once_, number))
#define COLOOP_WITH_LOCK_GUARD(x, guard, once)                                                   \
    for (const QemuLockable guard                                                                \
         __attribute__((cleanup(coloop_guard_end))) = coloop_guard_begin(QEMU_MAKE_LOCKABLE(x)), \
         *once = &guard;                                                                         \
         once; once = 0)

#endif

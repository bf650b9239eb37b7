/* SPDX-License-Identifier: MIT */
/* QEMU 1.1.1: CoMutex, which is not fair, and CoRwlock, where readers pass waiting writers. */
#include <uv.h>

#include <coloop/qemu-coroutine.h>

#include "check.h"

static CoMutex mutex;
static CoRwlock rwlock;
static CoQueue gate;
static coloop_loop* loop;

static void attach(void) {
    loop = coloop_loop_attach(uv_default_loop());
    qemu_co_mutex_init(&mutex);
    qemu_co_rwlock_init(&rwlock);
    qemu_co_queue_init(&gate);
}

static void run(void) { CHECK(uv_run(uv_default_loop(), UV_RUN_DEFAULT) == 0); }

static void detach(void) {
    coloop_loop_detach(loop);
    run();
    CHECK(uv_loop_close(uv_default_loop()) == 0);
}

static Coroutine* start(CoroutineEntry* entry, const char* name) {
    Coroutine* coroutine = qemu_coroutine_create(entry);

    qemu_coroutine_enter(coroutine, (void*)name);
    return coroutine;
}

static void coroutine_fn lock_and_yield(void* name) {
    qemu_co_mutex_lock(&mutex);
    CHECK(mutex.locked);
    note(name);
    qemu_coroutine_yield();
    qemu_co_mutex_unlock(&mutex);
}

TEST(exclusion, "a locked mutex makes others wait, and unlock wakes one of them from the loop") {
    Coroutine *a, *b;

    attach();
    a = start(lock_and_yield, "a");
    b = start(lock_and_yield, "b");
    CHECK(mutex.holder == a);
    qemu_coroutine_enter(a, NULL);
    CHECK(!mutex.locked);
    note("unlocked");
    run();
    CHECK(mutex.locked);
    qemu_coroutine_enter(b, NULL);
    CHECK_NOTES("a unlocked b");
    detach();
}

static void coroutine_fn lock_again(void* name) {
    lock_and_yield(name);
    qemu_co_mutex_lock(&mutex);
    note("a again");
    qemu_coroutine_yield();
    qemu_co_mutex_unlock(&mutex);
}

TEST(no_hand_over,
     "who unlocks may lock again first, and the woken one goes to the end of the queue") {
    Coroutine *a, *b, *c;

    attach();
    a = start(lock_again, "a");
    b = start(lock_and_yield, "b");
    c = start(lock_and_yield, "c");
    qemu_coroutine_enter(a, NULL);
    run();
    qemu_coroutine_enter(a, NULL);
    run();
    CHECK(mutex.holder == c);
    qemu_coroutine_enter(c, NULL);
    run();
    qemu_coroutine_enter(b, NULL);
    CHECK_NOTES("a a again c b");
    detach();
}

static void coroutine_fn lock_for_another(void* opaque) {
    (void)opaque;
    qemu_co_mutex_lock(&mutex);
    qemu_coroutine_yield();
    note("ended");
}

static void coroutine_fn unlock(void* opaque) {
    (void)opaque;
    qemu_co_mutex_unlock(&mutex);
}

TEST(other_unlocks,
     "a mutex may be unlocked by another coroutine, and locked outside if it is free") {
    Coroutine* a;

    attach();
    a = start(lock_for_another, NULL);
    start(unlock, NULL);
    CHECK(!mutex.locked);
    qemu_coroutine_enter(a, NULL);
    CHECK_NOTES("ended");

    qemu_co_mutex_lock(&mutex);
    CHECK(mutex.locked);
    CHECK(mutex.holder == NULL);
    start(unlock, NULL);
    CHECK(!mutex.locked);
    detach();
}

static void coroutine_fn read_until_entered(void* name) {
    qemu_co_rwlock_rdlock(&rwlock);
    note(name);
    qemu_coroutine_yield();
    qemu_co_rwlock_unlock(&rwlock);
}

static void coroutine_fn write_until_entered(void* name) {
    qemu_co_rwlock_wrlock(&rwlock);
    note(name);
    qemu_coroutine_yield();
    qemu_co_rwlock_unlock(&rwlock);
}

TEST(readers_pass, "readers share the lock and pass a writer that waits") {
    Coroutine *a, *b, *writer;

    attach();
    a = start(read_until_entered, "r1");
    writer = start(write_until_entered, "w");
    b = start(read_until_entered, "r2");
    CHECK(rwlock.reader == 2);
    CHECK(!rwlock.writer);
    qemu_coroutine_enter(a, NULL);
    run();
    CHECK_NOTES("r1 r2");
    qemu_coroutine_enter(b, NULL);
    run();
    CHECK(rwlock.writer);
    qemu_coroutine_enter(writer, NULL);
    CHECK_NOTES("w");
    detach();
}

TEST(writer_wakes_all, "a writer's unlock wakes all waiters, who compete in their order") {
    Coroutine *writer, *a, *late, *b;

    attach();
    writer = start(write_until_entered, "w1");
    a = start(read_until_entered, "r1");
    late = start(write_until_entered, "w2");
    b = start(read_until_entered, "r2");
    qemu_coroutine_enter(writer, NULL);
    run();
    CHECK_NOTES("w1 r1 r2");
    qemu_coroutine_enter(a, NULL);
    qemu_coroutine_enter(b, NULL);
    run();
    CHECK_NOTES("w2");
    qemu_coroutine_enter(late, NULL);
    detach();
}

static void coroutine_fn read_twice(void* opaque) {
    (void)opaque;
    qemu_co_rwlock_rdlock(&rwlock);
    qemu_co_rwlock_rdlock(&rwlock);
    CHECK(rwlock.reader == 2);
    qemu_co_rwlock_unlock(&rwlock);
    qemu_co_rwlock_unlock(&rwlock);
}

static void coroutine_fn unlock_rwlock(void* opaque) {
    (void)opaque;
    qemu_co_rwlock_unlock(&rwlock);
}

TEST(recursive_and_outside, "a reader may read-lock again, and a free lock be locked outside") {
    attach();
    start(read_twice, NULL);
    CHECK(rwlock.reader == 0);
    qemu_co_rwlock_rdlock(&rwlock);
    start(unlock_rwlock, NULL);
    CHECK(rwlock.reader == 0);
    qemu_co_rwlock_wrlock(&rwlock);
    start(unlock_rwlock, NULL);
    CHECK(!rwlock.writer);
    detach();
}

static void coroutine_fn end_with_mutex(void* opaque) {
    (void)opaque;
    qemu_co_mutex_lock(&mutex);
}

static void coroutine_fn lock_twice(void* opaque) {
    end_with_mutex(opaque);
    end_with_mutex(opaque);
}

static void coroutine_fn end_with_rwlock(void* opaque) {
    (void)opaque;
    qemu_co_rwlock_rdlock(&rwlock);
}

static void coroutine_fn write_twice(void* opaque) {
    (void)opaque;
    qemu_co_rwlock_wrlock(&rwlock);
    qemu_co_rwlock_wrlock(&rwlock);
}

static CoroutineEntry* mistake;

static void make_mistake(void) {
    attach();
    start(mistake, NULL);
}

static void locks_outside(void) {
    attach();
    start(lock_and_yield, "a");
    qemu_co_mutex_lock(&mutex);
}

static void unlocks_outside(void) {
    attach();
    qemu_co_mutex_lock(&mutex);
    qemu_co_mutex_unlock(&mutex);
}

static void unlocks_rwlock_outside(void) {
    attach();
    qemu_co_rwlock_rdlock(&rwlock);
    qemu_co_rwlock_unlock(&rwlock);
}

TEST(misuse, "what QEMU did not notice about locks is refused with a sentence") {
    mistake = lock_twice;
    EXPECT_MISUSE(make_mistake, "holds it already");
    mistake = end_with_mutex;
    EXPECT_MISUSE(make_mistake, "ended while it held a lock");
    mistake = end_with_rwlock;
    EXPECT_MISUSE(make_mistake, "ended while it held a lock");
    mistake = write_twice;
    EXPECT_MISUSE(make_mistake, "is its writer already");
    mistake = unlock;
    EXPECT_MISUSE(make_mistake, "nobody does");
    mistake = unlock_rwlock;
    EXPECT_MISUSE(make_mistake, "does not read it");
    EXPECT_MISUSE(locks_outside, "cannot wait (lock a CoMutex) outside a coroutine");
    EXPECT_MISUSE(unlocks_outside, "unlock a CoMutex outside a coroutine");
    EXPECT_MISUSE(unlocks_rwlock_outside, "unlock a CoRwlock outside a coroutine");
}

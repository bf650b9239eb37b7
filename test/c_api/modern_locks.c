/* SPDX-License-Identifier: MIT */
/* Today's QEMU: queues with a lock, fair locks, and locks of any kind. */
#include <pthread.h>
#include <stdio.h>

#include <coloop/qemu/coroutine.h>

#include "check.h"

static CoQueue queue;
static CoMutex mutex;
static CoRwlock rwlock;

static void init(void) {
    qemu_co_queue_init(&queue);
    qemu_co_mutex_init(&mutex);
    qemu_co_rwlock_init(&rwlock);
}

static Coroutine* start(CoroutineEntry* entry, void* opaque) {
    Coroutine* coroutine = qemu_coroutine_create(entry, opaque);

    qemu_coroutine_enter(coroutine);
    return coroutine;
}

/* ---- queues ---- */

static void coroutine_fn wait_with_mutex(void* name) {
    qemu_co_mutex_lock(&mutex);
    qemu_co_queue_wait(&queue, &mutex);
    qemu_co_mutex_assert_locked(&mutex);
    note(name);
    qemu_co_mutex_unlock(&mutex);
}

static void coroutine_fn wait_in_front(void* name) {
    qemu_co_queue_wait_flags(&queue, NULL, CO_QUEUE_WAIT_FRONT);
    note(name);
}

static void coroutine_fn wait_behind(void* name) {
    qemu_co_queue_wait_flags(&queue, NULL, 0);
    note(name);
}

TEST(queue_with_lock,
     "the lock is free while a coroutine waits with it, and held again after that") {
    init();
    start(wait_with_mutex, (void*)"a");
    CHECK(!mutex.locked);
    start(wait_with_mutex, (void*)"b");
    start(wait_in_front, (void*)"front");
    start(wait_behind, (void*)"back");
    CHECK(!qemu_co_queue_empty(&queue));
    qemu_co_queue_restart_all(&queue);
    CHECK_NOTES("front a b back");
    CHECK(qemu_co_queue_empty(&queue));
    CHECK(!mutex.locked);
}

static pthread_mutex_t thread_mutex = PTHREAD_MUTEX_INITIALIZER;

static void lock_thread(void* object) {
    pthread_mutex_lock(object);
    note("lock");
}

static void unlock_thread(void* object) {
    note("unlock");
    pthread_mutex_unlock(object);
}

static void coroutine_fn wait_with_thread_mutex(void* name) {
    QemuLockable lockable = {&thread_mutex, lock_thread, unlock_thread};

    qemu_lockable_lock(&lockable);
    qemu_co_queue_wait(&queue, &lockable);
    note(name);
    qemu_lockable_unlock(&lockable);
}

TEST(enter_next, "enter_next and enter_all drop the lock while others run") {
    QemuLockable lockable = {&thread_mutex, lock_thread, unlock_thread};

    init();
    start(wait_with_thread_mutex, (void*)"a");
    start(wait_behind, (void*)"b");
    start(wait_behind, (void*)"c");
    CHECK_NOTES("lock unlock");
    qemu_lockable_lock(&lockable);
    CHECK(qemu_co_enter_next(&queue, &lockable));
    CHECK_NOTES("lock unlock lock a unlock lock");
    qemu_co_enter_all(&queue, &lockable);
    CHECK_NOTES("unlock b lock unlock c lock");
    CHECK(!qemu_co_enter_next(&queue, &lockable));
    CHECK(!qemu_co_enter_next(&queue, NULL));
    qemu_lockable_unlock(&lockable);
    CHECK_NOTES("unlock");
}

static void coroutine_fn wait_for_ever(void* opaque) {
    bool* stop = opaque;

    while (!*stop) {
        qemu_co_queue_wait(&queue, NULL);
        note("again");
    }
}

TEST(enter_all_ends, "enter_all wakes those who wait when it is called, and nobody twice") {
    bool stop = false;

    init();
    start(wait_for_ever, &stop);
    qemu_co_enter_all(&queue, NULL);
    qemu_co_queue_restart_all(&queue);
    stop = true;
    qemu_co_enter_all(&queue, NULL);
    CHECK_NOTES("again again again");
}

/* ---- CoMutex ---- */

static void coroutine_fn lock_twice_over(void* name) {
    int i;

    for (i = 0; i < 2; i++) {
        qemu_co_mutex_lock(&mutex);
        note(name);
        qemu_coroutine_yield();
        qemu_co_mutex_unlock(&mutex);
    }
}

TEST(fair, "a mutex is handed over in the order of asking, and the unlocker queues again") {
    Coroutine *a, *b, *c;

    init();
    a = start(lock_twice_over, (void*)"a");
    b = start(lock_twice_over, (void*)"b");
    c = start(lock_twice_over, (void*)"c");
    CHECK(mutex.locked);
    CHECK(mutex.holder == a);
    qemu_coroutine_enter(a);
    CHECK(mutex.holder == b);
    qemu_coroutine_enter(b);
    qemu_coroutine_enter(c);
    qemu_coroutine_enter(a);
    qemu_coroutine_enter(b);
    qemu_coroutine_enter(c);
    CHECK_NOTES("a b c a b c");
    CHECK(!mutex.locked);
}

/* ---- QemuLockable and guards ---- */

static void coroutine_fn use_guards(void* opaque) {
    (void)opaque;
    {
        QEMU_LOCK_GUARD(&mutex);
        CHECK(mutex.locked);
    }
    CHECK(!mutex.locked);
    WITH_QEMU_LOCK_GUARD(&mutex) { CHECK(mutex.locked); }
    CHECK(!mutex.locked);
    WITH_QEMU_LOCK_GUARD(&mutex) { break; }
    CHECK(!mutex.locked);
    WITH_QEMU_LOCK_GUARD(QEMU_MAKE_LOCKABLE(&mutex)) { qemu_coroutine_yield(); }
    WITH_QEMU_LOCK_GUARD(&mutex) { return; }
}

TEST(guards, "guards unlock however their block is left") {
    Coroutine* coroutine;
    CoMutex* none = NULL;

    init();
    coroutine = start(use_guards, NULL);
    CHECK(mutex.locked);
    qemu_coroutine_enter(coroutine);
    CHECK(!mutex.locked);
    CHECK(QEMU_MAKE_LOCKABLE(none) == NULL);
    CHECK(QEMU_MAKE_LOCKABLE(NULL) == NULL);
    CHECK(QEMU_MAKE_LOCKABLE(&mutex)->object == &mutex);
}

/* ---- CoRwlock ---- */

static void coroutine_fn read_lock(void* name) {
    qemu_co_rwlock_rdlock(&rwlock);
    note(name);
    qemu_coroutine_yield();
    qemu_co_rwlock_unlock(&rwlock);
}

static void coroutine_fn write_lock(void* name) {
    qemu_co_rwlock_wrlock(&rwlock);
    note(name);
    qemu_coroutine_yield();
    qemu_co_rwlock_unlock(&rwlock);
}

TEST(readers_wait, "a reader waits behind a writer that waits, and neighbours read together") {
    Coroutine *first, *writer, *second, *third;

    init();
    first = start(read_lock, (void*)"r1");
    writer = start(write_lock, (void*)"w");
    second = start(read_lock, (void*)"r2");
    third = start(read_lock, (void*)"r3");
    CHECK_NOTES("r1");
    qemu_coroutine_enter(first);
    CHECK_NOTES("w");
    CHECK(rwlock.writer);
    qemu_coroutine_enter(writer);
    CHECK_NOTES("r2 r3");
    CHECK(rwlock.reader == 2);
    qemu_coroutine_enter(second);
    qemu_coroutine_enter(third);
    CHECK(rwlock.reader == 0);
}

static void coroutine_fn read_and_upgrade(void* name) {
    qemu_co_rwlock_rdlock(&rwlock);
    qemu_coroutine_yield();
    qemu_co_rwlock_upgrade(&rwlock);
    note(name);
    qemu_co_rwlock_unlock(&rwlock);
}

TEST(upgrade, "a lone reader becomes the writer at once, and behind a writer that waits") {
    Coroutine *reader, *writer;

    init();
    reader = start(read_and_upgrade, (void*)"alone");
    qemu_coroutine_enter(reader);
    CHECK_NOTES("alone");

    reader = start(read_and_upgrade, (void*)"upgraded");
    writer = start(write_lock, (void*)"w");
    qemu_coroutine_enter(reader);
    CHECK_NOTES("w");
    qemu_coroutine_enter(writer);
    CHECK_NOTES("upgraded");
}

static void coroutine_fn write_and_downgrade(void* name) {
    qemu_co_rwlock_wrlock(&rwlock);
    qemu_coroutine_yield();
    qemu_co_rwlock_downgrade(&rwlock);
    note(name);
    qemu_coroutine_yield();
    qemu_co_rwlock_unlock(&rwlock);
}

TEST(downgrade, "a writer becomes a reader at once and lets in the readers that wait next") {
    Coroutine *down, *reader, *writer, *last;

    init();
    down = start(write_and_downgrade, (void*)"down");
    reader = start(read_lock, (void*)"r1");
    writer = start(write_lock, (void*)"w");
    last = start(read_lock, (void*)"r2");
    qemu_coroutine_enter(down);
    CHECK_NOTES("down r1");
    qemu_coroutine_enter(down);
    qemu_coroutine_enter(reader);
    CHECK_NOTES("w");
    qemu_coroutine_enter(writer);
    CHECK_NOTES("r2");
    qemu_coroutine_enter(last);
}

/* ---- misuse ---- */

static void coroutine_fn lock_twice(void* opaque) {
    (void)opaque;
    qemu_co_mutex_lock(&mutex);
    qemu_co_mutex_lock(&mutex);
}

static void coroutine_fn end_locked(void* opaque) {
    (void)opaque;
    qemu_co_mutex_lock(&mutex);
}

static void coroutine_fn unlock_free(void* opaque) {
    (void)opaque;
    qemu_co_mutex_unlock(&mutex);
}

static void coroutine_fn assert_locked(void* opaque) {
    (void)opaque;
    qemu_co_mutex_assert_locked(&mutex);
}

static void coroutine_fn unlock_of_another(void* opaque) {
    start(lock_twice_over, (void*)"a");
    unlock_free(opaque);
}

static void coroutine_fn end_reading(void* opaque) {
    (void)opaque;
    qemu_co_rwlock_rdlock(&rwlock);
}

static void coroutine_fn read_while_writing(void* opaque) {
    (void)opaque;
    qemu_co_rwlock_wrlock(&rwlock);
    qemu_co_rwlock_rdlock(&rwlock);
}

static void coroutine_fn downgrade_reader(void* opaque) {
    (void)opaque;
    qemu_co_rwlock_rdlock(&rwlock);
    qemu_co_rwlock_downgrade(&rwlock);
}

static void coroutine_fn upgrade_nothing(void* opaque) {
    (void)opaque;
    qemu_co_rwlock_upgrade(&rwlock);
}

static CoroutineEntry* mistake;

static void make_mistake(void) {
    init();
    start(mistake, NULL);
}

static void locks_outside(void) {
    init();
    qemu_co_mutex_lock(&mutex);
}

TEST(misuse, "what QEMU asserts, and what it lets wait for ever, is refused with a sentence") {
    static const struct {
        CoroutineEntry* entry;
        const char* sentence;
    } mistakes[] = {
        {lock_twice, "holds it already; it is not recursive"},
        {end_locked, "ended while it held a lock"},
        {unlock_free, "does not hold it; nobody does"},
        {unlock_of_another, "does not hold it; coroutine"},
        {assert_locked, "should be held by coroutine"},
        {end_reading, "ended while it held a lock"},
        {read_while_writing, "is its writer already"},
        {downgrade_reader, "is not its writer"},
        {upgrade_nothing, "does not read it"},
    };

    size_t i;

    for (i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        mistake = mistakes[i].entry;
        EXPECT_MISUSE(make_mistake, mistakes[i].sentence);
    }
    EXPECT_MISUSE(locks_outside, "lock a CoMutex outside a coroutine");
}

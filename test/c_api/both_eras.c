/* SPDX-License-Identifier: MIT */
/*
 * One program of source files for both versions of QEMU, in C and C++, beside functions that have
 * QEMU's own names.
 */
#include <coloop/qemu-coroutine.h>

#include "check.h"

/* The seed's declarations, each with its signature. */
static Coroutine* (*const create)(CoroutineEntry*) = qemu_coroutine_create;
static void (*const enter)(Coroutine*, void*) = qemu_coroutine_enter;
static void (*const yield)(void) = qemu_coroutine_yield;
static Coroutine* (*const self)(void) = qemu_coroutine_self;
static bool (*const in_coroutine)(void) = qemu_in_coroutine;
static void (*const queue_functions[])(CoQueue*) = {qemu_co_queue_init, qemu_co_queue_wait,
                                                    qemu_co_queue_wait_insert_head,
                                                    qemu_co_queue_restart_all};
static bool (*const queue_questions[])(CoQueue*) = {qemu_co_queue_next, qemu_co_queue_empty};
static void (*const mutex_functions[])(CoMutex*) = {qemu_co_mutex_init, qemu_co_mutex_lock,
                                                    qemu_co_mutex_unlock};
static void (*const rwlock_functions[])(CoRwlock*) = {qemu_co_rwlock_init, qemu_co_rwlock_rdlock,
                                                      qemu_co_rwlock_wrlock, qemu_co_rwlock_unlock};
static void (*const sleep_ns)(QEMUClock*, int64_t) = co_sleep_ns;

/* In the other source files. */
void wait_as_modern(CoQueue* queue);
void wake_as_modern(CoQueue* queue);
void wait_as_cpp(CoQueue* queue, CoMutex* mutex);
int count_stand_ins(void);

static CoQueue queue;
static CoMutex mutex;

static void coroutine_fn wait_as_old(void* opaque) {
    CHECK(in_coroutine());
    CHECK(self() != NULL);
    queue_functions[1](opaque);
    note("old");
}

static void coroutine_fn hand_to_modern(void* opaque) {
    wait_as_modern(opaque);
    note("modern");
}

static void coroutine_fn hand_to_cpp(void* opaque) {
    wait_as_cpp(opaque, &mutex);
    note("cpp");
    yield();
}

static void coroutine_fn end(void* opaque) {
    (void)opaque;
    note("end");
}

TEST(signatures, "each function of the seed has its name and signature") {
    CHECK(sleep_ns != NULL);
    queue_functions[0](&queue);
    mutex_functions[0](&mutex);
    rwlock_functions[0](&(CoRwlock){.reader = 1});
    CHECK(queue_questions[1](&queue));
    CHECK(!queue_questions[0](&queue));
}

TEST(together, "source files of both versions share queues, and each wakes in its own way") {
    Coroutine* last;

    qemu_co_queue_init(&queue);
    qemu_co_mutex_init(&mutex);
    enter(create(wait_as_old), &queue);
    enter(create(hand_to_modern), &queue);
    last = create(hand_to_cpp);
    enter(last, &queue);
    CHECK(!mutex.locked);
    wake_as_modern(&queue);
    note("returned");
    CHECK_NOTES("old returned");
    qemu_co_queue_restart_all(&queue);
    note("not yet");
    enter(create(wait_as_old), &queue); /* the end of an outermost enter runs them */
    CHECK_NOTES("not yet modern cpp");
    enter(last, NULL);
    CHECK(queue_questions[0](&queue));
    enter(create(end), NULL);
    CHECK_NOTES("end old");
}

TEST(beside_qemu, "functions that have QEMU's names live in the same program") {
    CHECK(count_stand_ins() == 4);
}

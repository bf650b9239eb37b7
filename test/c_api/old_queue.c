/* SPDX-License-Identifier: MIT */
/* QEMU 1.1.1: queues, whose waiters run from the loop. */
#include <stdlib.h>
#include <uv.h>

#include <coloop/qemu-coroutine.h>

#include "check.h"

static CoQueue queue, other;
static coloop_loop* loop;

static void attach(void) {
    loop = coloop_loop_attach(uv_default_loop());
    CHECK(loop != NULL);
    qemu_co_queue_init(&queue);
    qemu_co_queue_init(&other);
}

static void detach(void) {
    coloop_loop_detach(loop);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    CHECK(uv_loop_close(uv_default_loop()) == 0);
}

static void run(void) { CHECK(uv_run(uv_default_loop(), UV_RUN_DEFAULT) == 0); }

static void coroutine_fn wait_and_note(void* name) {
    qemu_co_queue_wait(&queue);
    note(name);
}

static void coroutine_fn wait_first(void* name) {
    qemu_co_queue_wait_insert_head(&queue);
    note(name);
}

static void start(CoroutineEntry* entry, const char* name) {
    qemu_coroutine_enter(qemu_coroutine_create(entry), (void*)name);
}

TEST(order, "next wakes the longest waiter, which runs from the loop and not in the call") {
    attach();
    CHECK(qemu_co_queue_empty(&queue));
    CHECK(!qemu_co_queue_next(&queue));
    start(wait_and_note, "a");
    start(wait_and_note, "b");
    start(wait_first, "head");
    CHECK(!qemu_co_queue_empty(&queue));
    CHECK(qemu_co_queue_next(&queue));
    CHECK(qemu_co_queue_next(&queue));
    note("woken");
    run();
    CHECK_NOTES("woken head a");
    CHECK(qemu_co_queue_next(&queue));
    CHECK(qemu_co_queue_empty(&queue));
    CHECK(!qemu_co_queue_next(&queue));
    run();
    CHECK_NOTES("b");
    detach();
}

static void coroutine_fn wait_twice(void* name) {
    wait_and_note(name);
    wait_and_note(name);
}

TEST(restart_all, "restart_all wakes those who wait now, in their order, and nobody twice") {
    attach();
    start(wait_twice, "a");
    start(wait_twice, "b");
    qemu_co_queue_restart_all(&queue);
    CHECK(qemu_co_queue_empty(&queue));
    run();
    CHECK_NOTES("a b");
    CHECK(!qemu_co_queue_empty(&queue));
    qemu_co_queue_restart_all(&queue);
    run();
    CHECK_NOTES("a b");
    CHECK(qemu_co_queue_empty(&queue));
    detach();
}

static void coroutine_fn wake_and_go_on(void* opaque) {
    (void)opaque;
    qemu_co_queue_next(&queue);
    note("waker");
    qemu_coroutine_yield();
    note("waker again");
}

TEST(waker_first, "enter of a waker returns before the woken one runs, even if the waker yields") {
    Coroutine* waker;

    attach();
    start(wait_and_note, "woken");
    waker = qemu_coroutine_create(wake_and_go_on);
    qemu_coroutine_enter(waker, NULL);
    note("returned");
    qemu_coroutine_enter(waker, NULL);
    note("returned");
    run();
    CHECK_NOTES("waker returned waker again returned woken");
    detach();
}

TEST(without_a_loop, "without a loop woken coroutines run when the outermost enter returns") {
    qemu_co_queue_init(&queue);
    start(wait_and_note, "woken");
    start(wake_and_go_on, NULL);
    note("returned");
    CHECK_NOTES("waker woken returned");
}

static void coroutine_fn ping(void* opaque) {
    int* rounds = opaque;

    while (*rounds < 10000) {
        qemu_co_queue_wait(&queue);
        ++*rounds;
        qemu_co_queue_next(&other);
    }
}

static void coroutine_fn pong(void* opaque) {
    int* rounds = opaque;

    qemu_co_queue_next(&queue);
    while (*rounds < 10000) {
        qemu_co_queue_wait(&other);
        qemu_co_queue_next(&queue);
    }
}

static void count_turn(uv_check_t* counter) { ++*(int*)counter->data; }

TEST(fairness, "two that wake each other in turns do not keep the loop from its other work") {
    int rounds = 0, turns = 0;
    uv_check_t counter;

    attach();
    uv_check_init(uv_default_loop(), &counter);
    counter.data = &turns;
    uv_check_start(&counter, count_turn);
    uv_unref((uv_handle_t*)&counter);
    qemu_coroutine_enter(qemu_coroutine_create(ping), &rounds);
    qemu_coroutine_enter(qemu_coroutine_create(pong), &rounds);
    run();
    CHECK(rounds == 10000);
    CHECK(turns > 30);
    uv_close((uv_handle_t*)&counter, NULL);
    detach();
}

TEST(freed_queue, "a queue may be freed as soon as its last waiter is woken") {
    CoQueue* freed = malloc(sizeof *freed);
    struct CoQueue* same_type = freed;

    attach();
    qemu_co_queue_init(same_type);
    qemu_co_queue_init(&queue);
    start(wait_and_note, "a");
    qemu_co_queue_next(&queue);
    free(freed);
    run();
    CHECK_NOTES("a");
    detach();
}

static Coroutine* waiter;

static void enters_a_waiter(void) {
    attach();
    waiter = qemu_coroutine_create(wait_and_note);
    qemu_coroutine_enter(waiter, "a");
    qemu_coroutine_enter(waiter, NULL);
}

static void enters_a_woken_one(void) {
    attach();
    waiter = qemu_coroutine_create(wait_and_note);
    qemu_coroutine_enter(waiter, "a");
    qemu_co_queue_next(&queue);
    qemu_coroutine_enter(waiter, NULL);
}

static void waits_outside(void) {
    attach();
    qemu_co_queue_wait(&queue);
}

TEST(misuse, "entering one that waits or was woken, and waiting outside, are refused") {
    EXPECT_MISUSE(enters_a_waiter, "wait in a CoQueue; only what it waits for can let it go on");
    EXPECT_MISUSE(enters_a_woken_one, "was woken and is about to run by itself");
    EXPECT_MISUSE(waits_outside, "cannot wait (wait in a CoQueue) outside a coroutine");
}

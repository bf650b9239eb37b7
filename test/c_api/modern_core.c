/* SPDX-License-Identifier: MIT */
/* Today's QEMU: creating and entering, and when those run who are woken. */
#include <uv.h>

#include <coloop/qemu/coroutine.h>

#include "check.h"

static CoQueue queue, other;

static Coroutine* start(CoroutineEntry* entry, void* opaque) {
    Coroutine* coroutine = qemu_coroutine_create(entry, opaque);

    qemu_coroutine_enter(coroutine);
    return coroutine;
}

static void coroutine_fn steps(void* opaque) {
    int* step = opaque;

    CHECK(qemu_in_coroutine());
    *step = 1;
    qemu_coroutine_yield();
    *step = 2;
}

TEST(lifecycle, "create takes the argument, and enter runs to the next yield or the end") {
    int step = 0;
    Coroutine* coroutine = qemu_coroutine_create(steps, &step);

    qemu_coroutine_inc_pool_size(1);
    CHECK(step == 0);
    qemu_coroutine_enter(coroutine);
    CHECK(step == 1);
    CHECK(!qemu_in_coroutine());
    qemu_coroutine_enter(coroutine);
    CHECK(step == 2);
    qemu_coroutine_dec_pool_size(1);
}

static Coroutine *outer, *inner;

static void coroutine_fn is_inside(void* opaque) {
    (void)opaque;
    CHECK(qemu_coroutine_self() == inner);
    CHECK(qemu_coroutine_entered(inner));
    CHECK(qemu_coroutine_entered(outer));
    qemu_coroutine_enter_if_inactive(outer); /* no effect */
    qemu_coroutine_yield();
}

static void coroutine_fn enters_another(void* opaque) {
    (void)opaque;
    inner = qemu_coroutine_create(is_inside, NULL);
    CHECK(!qemu_coroutine_entered(inner));
    qemu_coroutine_enter_if_inactive(inner);
    CHECK(!qemu_coroutine_entered(inner));
    qemu_coroutine_yield();
}

TEST(entered, "a coroutine is entered while it runs or has entered another one") {
    outer = qemu_coroutine_create(enters_another, NULL);
    CHECK(!qemu_coroutine_entered(outer));
    CHECK(!qemu_coroutine_entered(qemu_coroutine_self()));
    qemu_coroutine_enter(outer);
    CHECK(!qemu_coroutine_entered(outer));
    qemu_coroutine_enter(outer);
    qemu_coroutine_enter(inner);
}

static void coroutine_fn wait_and_note(void* name) {
    qemu_co_queue_wait(&queue, NULL);
    note(name);
}

static void coroutine_fn wake_two(void* opaque) {
    (void)opaque;
    CHECK(qemu_co_queue_next(&queue));
    CHECK(qemu_co_queue_next(&queue));
    note("waker");
    qemu_coroutine_yield();
    note("waker again");
}

TEST(when_the_waker_stops, "who is woken runs when the waker stops, before the enter returns") {
    Coroutine* waker;

    qemu_co_queue_init(&queue);
    start(wait_and_note, (void*)"a");
    start(wait_and_note, (void*)"b");
    waker = start(wake_two, NULL);
    note("returned");
    qemu_coroutine_enter(waker);
    CHECK_NOTES("waker a b returned waker again");
}

static void coroutine_fn wait_and_wake_other(void* name) {
    wait_and_note(name);
    qemu_co_queue_next(&other);
    note("woke");
}

static void coroutine_fn wait_in_other(void* name) {
    qemu_co_queue_wait(&other, NULL);
    note(name);
}

TEST(depth_first, "whom a woken one wakes runs before those who were woken earlier") {
    Coroutine* waker;

    qemu_co_queue_init(&queue);
    qemu_co_queue_init(&other);
    start(wait_and_wake_other, (void*)"a");
    start(wait_and_note, (void*)"b");
    start(wait_in_other, (void*)"child");
    waker = start(wake_two, NULL);
    CHECK_NOTES("waker a woke child b");
    qemu_coroutine_enter(waker);
    CHECK_NOTES("waker again");
}

static void coroutine_fn wakes_and_ends(void* opaque) {
    (void)opaque;
    qemu_co_queue_next(&queue);
    note("inner ends");
}

static void coroutine_fn enters_a_waker(void* opaque) {
    (void)opaque;
    qemu_coroutine_enter(qemu_coroutine_create(wakes_and_ends, NULL));
    note("outer goes on");
}

TEST(nested, "what was woken in a nested enter runs before that returns") {
    qemu_co_queue_init(&queue);
    start(wait_and_note, (void*)"woken");
    start(enters_a_waker, NULL);
    CHECK_NOTES("inner ends woken outer goes on");
}

TEST(outside, "woken outside coroutines it runs at once, inside the call") {
    qemu_co_queue_init(&queue);
    start(wait_and_note, (void*)"a");
    CHECK(qemu_co_queue_next(&queue));
    note("returned");
    CHECK_NOTES("a returned");
    CHECK(!qemu_co_queue_next(&queue));
}

static void coroutine_fn chain(void* opaque) {
    int* rounds = opaque;

    while (*rounds < 25000) {
        ++*rounds;
        qemu_co_queue_next(&queue);
        qemu_co_queue_wait(&queue, NULL);
    }
    qemu_co_queue_next(&queue);
}

TEST(chaining, "two that wake each other 25,000 times use no stack for it") {
    int rounds = 0;

    qemu_co_queue_init(&queue);
    start(chain, &rounds);
    start(chain, &rounds);
    CHECK(rounds == 25000);
    CHECK(qemu_co_queue_empty(&queue));
}

/* ---- the same where the loop has resumed the waker ---- */

static void coroutine_fn sleep_and_wake_two(void* opaque) {
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 0);
    wake_two(opaque);
}

static void coroutine_fn sleep_and_note(void* name) {
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 0);
    note(name);
}

TEST(resumed_by_the_loop, "the order is the same where the loop has resumed the waker") {
    AioContext* loop = coloop_loop_attach(uv_default_loop());
    Coroutine* waker;

    qemu_co_queue_init(&queue);
    qemu_co_queue_init(&other);
    start(wait_and_wake_other, (void*)"a");
    start(wait_and_note, (void*)"b");
    start(wait_in_other, (void*)"child");
    waker = start(sleep_and_wake_two, NULL);
    start(sleep_and_note, (void*)"later");
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    CHECK_NOTES("waker a woke child b later");
    qemu_coroutine_enter(waker);
    CHECK_NOTES("waker again");
    coloop_loop_detach(loop);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

static void coroutine_fn sleep_and_chain(void* opaque) {
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 0);
    chain(opaque);
}

static void coroutine_fn nap_while_they_chain(void* opaque) {
    int naps = 0;

    while (*(int*)opaque < 25000) {
        qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 0);
        naps++;
    }
    CHECK(naps > 50);
}

TEST(gives_way, "two that the loop has resumed and that wake each other let others run, too") {
    AioContext* loop = coloop_loop_attach(uv_default_loop());
    int rounds = 0;

    qemu_co_queue_init(&queue);
    start(sleep_and_chain, &rounds);
    start(sleep_and_chain, &rounds);
    start(nap_while_they_chain, &rounds);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    CHECK(rounds == 25000);
    coloop_loop_detach(loop);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

static void enters_a_sleeper(void) {
    coloop_loop_attach(uv_default_loop());
    qemu_coroutine_enter(start(sleep_and_note, (void*)"s"));
}

static void enters_a_waiter(void) {
    qemu_co_queue_init(&queue);
    qemu_coroutine_enter(start(wait_and_note, (void*)"a"));
}

static void coroutine_fn wake_and_enter(void* opaque) {
    qemu_co_queue_next(&queue);
    qemu_coroutine_enter(opaque);
}

static void enters_a_woken_one(void) {
    qemu_co_queue_init(&queue);
    start(wake_and_enter, start(wait_and_note, (void*)"a"));
}

static void asks_for_null(void) { qemu_coroutine_entered(NULL); }

TEST(misuse, "entering one that sleeps, waits or was woken is refused") {
    EXPECT_MISUSE(enters_a_sleeper, "only what it waits for can let it go on");
    EXPECT_MISUSE(enters_a_waiter, "wait in a CoQueue; only what it waits for can let it go on");
    EXPECT_MISUSE(enters_a_woken_one, "was woken and is about to run by itself");
    EXPECT_MISUSE(asks_for_null, "there is no coroutine");
}

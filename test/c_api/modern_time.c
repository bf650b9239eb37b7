/* SPDX-License-Identifier: MIT */
/* Today's QEMU: sleeping and waking, time limits. */
#include <errno.h>
#include <stdint.h>
#include <uv.h>

#include <coloop/qemu/coroutine.h>

#include "check.h"

#define MILLISECOND 1000000LL
#define HOUR (3600LL * 1000 * MILLISECOND)

static AioContext* loop;
static QemuCoSleep handle;

static void attach(void) { loop = coloop_loop_attach(uv_default_loop()); }

static void run(void) { CHECK(uv_run(uv_default_loop(), UV_RUN_DEFAULT) == 0); }

static void detach(void) {
    coloop_loop_detach(loop);
    run();
    CHECK(uv_loop_close(uv_default_loop()) == 0);
}

static Coroutine* start(CoroutineEntry* entry, void* opaque) {
    Coroutine* coroutine = qemu_coroutine_create(entry, opaque);

    qemu_coroutine_enter(coroutine);
    return coroutine;
}

static void coroutine_fn sleep_by_each_clock(void* opaque) {
    static const QEMUClockType clocks[] = {QEMU_CLOCK_REALTIME, QEMU_CLOCK_VIRTUAL,
                                           QEMU_CLOCK_HOST};
    size_t i;

    (void)opaque;
    for (i = 0; i < 3; i++) {
        uint64_t before = uv_hrtime();

        qemu_co_sleep_ns(clocks[i], 2 * MILLISECOND);
        CHECK(uv_hrtime() - before >= 2 * MILLISECOND);
    }
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, -5);
    note("awake");
}

TEST(sleep_ns, "sleeps by each clock, never too short") {
    attach();
    start(sleep_by_each_clock, NULL);
    note("asleep");
    run();
    CHECK_NOTES("asleep awake");
    detach();
}

static void coroutine_fn sleep_until_woken(void* name) {
    qemu_co_sleep(&handle);
    note(name);
}

static void coroutine_fn sleep_for_an_hour(void* name) {
    qemu_co_sleep_ns_wakeable(&handle, QEMU_CLOCK_REALTIME, HOUR);
    note(name);
}

TEST(wake_outside, "a sleeper woken outside coroutines runs at once, and its timer is gone") {
    attach();
    qemu_co_sleep_wake(&handle); /* nobody sleeps: not remembered */
    start(sleep_until_woken, (void*)"a");
    CHECK(handle.to_wake != NULL);
    qemu_co_sleep_wake(&handle);
    note("returned");
    CHECK(handle.to_wake == NULL);
    start(sleep_for_an_hour, (void*)"b");
    qemu_co_sleep_wake(&handle);
    note("returned");
    run(); /* nothing keeps the loop alive */
    CHECK_NOTES("a returned b returned");
    detach();
}

static void coroutine_fn wake_it(void* opaque) {
    (void)opaque;
    qemu_co_sleep_wake(&handle);
    qemu_co_sleep_wake(&handle);
    note("waker");
}

TEST(wake_inside, "woken in a coroutine it runs when that one stops, and only once") {
    attach();
    start(sleep_until_woken, (void*)"a");
    start(wake_it, NULL);
    CHECK_NOTES("waker a");
    detach();
}

static void wake_from_timer(uv_timer_t* timer) {
    qemu_co_sleep_wake(&handle);
    note("waker");
    uv_close((uv_handle_t*)timer, NULL);
}

static void coroutine_fn sleep_a_little(void* name) {
    qemu_co_sleep_ns_wakeable(&handle, QEMU_CLOCK_REALTIME, 2 * MILLISECOND);
    note(name);
}

TEST(wake_when_due, "waking one whose time has come has no effect") {
    uint64_t before;
    uv_timer_t timer;

    attach();
    start(sleep_a_little, (void*)"due");
    uv_timer_init(uv_default_loop(), &timer);
    uv_timer_start(&timer, wake_from_timer, 3, 0);
    before = uv_hrtime();
    while (uv_hrtime() - before < 10 * MILLISECOND) {
    }
    run(); /* one pass makes the sleeper ready and then calls the timer */
    CHECK_NOTES("waker due");
    detach();
}

/* ---- qemu_co_timeout ---- */

static void coroutine_fn quick(void* opaque) {
    (void)opaque;
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, MILLISECOND);
    note("quick");
}

static void coroutine_fn at_once(void* opaque) {
    (void)opaque;
    note("at once");
}

static void coroutine_fn slow(void* opaque) {
    qemu_co_sleep_ns_wakeable(opaque, QEMU_CLOCK_REALTIME, HOUR);
    note("slow");
}

static void clean(void* opaque) {
    CHECK(opaque == &handle);
    note("clean");
}

static void coroutine_fn limit(void* opaque) {
    (void)opaque;
    CHECK(qemu_co_timeout(quick, NULL, HOUR, clean) == 0);
    CHECK(qemu_co_timeout(at_once, NULL, UINT64_MAX, clean) == 0);
    CHECK(qemu_co_timeout(quick, NULL, 0, NULL) == 0);
    CHECK(qemu_co_timeout(slow, &handle, MILLISECOND, clean) == -ETIMEDOUT);
    note("timed out");
    qemu_co_sleep_wake(&handle);
    CHECK(qemu_co_timeout(slow, &handle, MILLISECOND, NULL) == -ETIMEDOUT);
    qemu_co_sleep_wake(&handle);
}

TEST(timeout, "after a time limit the function goes on, and clean is called when it has ended") {
    attach();
    start(limit, NULL);
    run();
    CHECK_NOTES("quick at once quick timed out slow clean slow");
    detach();
}

static void two_on_one_handle(void) {
    attach();
    start(sleep_until_woken, (void*)"a");
    start(sleep_until_woken, (void*)"b");
}

static void sleeps_outside(void) {
    attach();
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 1);
}

static void coroutine_fn sleep_by_no_clock(void* opaque) {
    (void)opaque;
    qemu_co_sleep_ns((QEMUClockType)7, 1);
}

static void sleeps_by_no_clock(void) {
    attach();
    start(sleep_by_no_clock, NULL);
}

TEST(misuse, "two sleepers on one handle, and sleeping outside coroutines, are refused") {
    EXPECT_MISUSE(two_on_one_handle, "sleeps on this QemuCoSleep already");
    EXPECT_MISUSE(sleeps_outside, "cannot sleep outside a coroutine");
    EXPECT_MISUSE(sleeps_by_no_clock, "a clock that does not exist");
}

/* SPDX-License-Identifier: MIT */
/* QEMU 1.1.1: creating, entering and yielding, without a loop. */
#include <pthread.h>
#include <stdint.h>

#include <coloop/qemu-coroutine.h>

#include "check.h"

static void coroutine_fn set(void* opaque) { *(int*)opaque += 1; }

TEST(lifecycle, "a coroutine runs its function with the argument when it is entered, not before") {
    CoroutineEntry* entry = set;
    int runs = 0, i;

    for (i = 1; i <= 100; i++) {
        Coroutine* coroutine = qemu_coroutine_create(entry);

        CHECK(runs == i - 1);
        qemu_coroutine_enter(coroutine, &runs);
        CHECK(runs == i);
    }
}

static void coroutine_fn yield_five_times(void* opaque) {
    int* steps = opaque;

    while (*steps < 5) {
        ++*steps;
        qemu_coroutine_yield();
    }
    *steps = 100;
}

TEST(yield, "yield returns to who entered, and the next enter goes on behind it") {
    int steps = 0, i;
    Coroutine* coroutine = qemu_coroutine_create(yield_five_times);

    for (i = 1; i <= 5; i++) {
        qemu_coroutine_enter(coroutine, &steps);
        CHECK(steps == i);
    }
    qemu_coroutine_enter(coroutine, NULL);
    CHECK(steps == 100);
}

TEST(opaque, "only the argument of the first enter counts") {
    int first = 0, second = 0;
    Coroutine* coroutine = qemu_coroutine_create(yield_five_times);

    qemu_coroutine_enter(coroutine, &first);
    while (first < 100) {
        qemu_coroutine_enter(coroutine, &second);
    }
    CHECK(second == 0);
}

struct nested {
    int depth;
    int left;
};

static void coroutine_fn nest(void* opaque) {
    struct nested* nested = opaque;

    nested->depth++;
    if (nested->depth < 128) {
        qemu_coroutine_enter(qemu_coroutine_create(nest), nested);
    }
    nested->left++;
}

TEST(nesting, "coroutines enter coroutines, and each returns to its own enterer") {
    struct nested nested = {0, 0};

    qemu_coroutine_enter(qemu_coroutine_create(nest), &nested);
    CHECK(nested.depth == 128);
    CHECK(nested.left == 128);
}

static Coroutine *inner, *outer;

static void coroutine_fn resumed_by_two(void* opaque) {
    (void)opaque;
    note("i1");
    qemu_coroutine_yield();
    note("i2");
}

static void coroutine_fn enters_inner(void* opaque) {
    (void)opaque;
    note("o1");
    qemu_coroutine_enter(inner, NULL);
    note("o2");
}

TEST(last_enterer, "when a coroutine ends, control is with who entered it last") {
    inner = qemu_coroutine_create(resumed_by_two);
    outer = qemu_coroutine_create(enters_inner);
    qemu_coroutine_enter(inner, NULL);
    note("m1");
    qemu_coroutine_enter(outer, NULL);
    note("m2");
    CHECK_NOTES("i1 m1 o1 i2 o2 m2");
}

static void coroutine_fn store_self(void* opaque) {
    CHECK(qemu_in_coroutine());
    *(Coroutine**)opaque = qemu_coroutine_self();
}

static void* ask_outside(void* result) {
    CHECK(!qemu_in_coroutine());
    *(Coroutine**)result = qemu_coroutine_self();
    CHECK(qemu_coroutine_self() == *(Coroutine**)result);
    return NULL;
}

TEST(self, "self is the running coroutine, and outside it stands for the thread") {
    Coroutine *seen = NULL, *other = NULL;
    Coroutine* coroutine = qemu_coroutine_create(store_self);
    pthread_t thread;

    CHECK(!qemu_in_coroutine());
    qemu_coroutine_enter(coroutine, &seen);
    CHECK(seen == coroutine);
    CHECK(!qemu_in_coroutine());

    ask_outside(&seen);
    CHECK(seen != NULL);
    CHECK(pthread_create(&thread, NULL, ask_outside, &other) == 0);
    pthread_join(thread, NULL);
    CHECK(other != NULL);
    CHECK(other != seen);
}

static void coroutine_fn enter_self(void* opaque) {
    (void)opaque;
    qemu_coroutine_enter(qemu_coroutine_self(), NULL);
}

static void coroutine_fn enter_outer(void* opaque) {
    (void)opaque;
    qemu_coroutine_enter(outer, NULL);
}

static void enters_itself(void) { qemu_coroutine_enter(qemu_coroutine_create(enter_self), NULL); }

static void enters_its_enterer(void) {
    outer = qemu_coroutine_create(enters_inner);
    inner = qemu_coroutine_create(enter_outer);
    qemu_coroutine_enter(outer, NULL);
}

static void enters_what_has_ended(void) {
    int runs = 0;
    Coroutine* coroutine = qemu_coroutine_create(set);

    qemu_coroutine_enter(coroutine, &runs);
    qemu_coroutine_enter(coroutine, &runs);
}

static void enters_the_thread(void) { qemu_coroutine_enter(qemu_coroutine_self(), NULL); }

static void enters_null(void) { qemu_coroutine_enter(NULL, NULL); }

static void yields_outside(void) { qemu_coroutine_yield(); }

static void* enter_there(void* coroutine) {
    qemu_coroutine_enter(coroutine, NULL);
    return NULL;
}

static void enters_on_another_thread(void) {
    pthread_t thread;

    pthread_create(&thread, NULL, enter_there, qemu_coroutine_create(resumed_by_two));
    pthread_join(thread, NULL);
}

TEST(misuse, "what QEMU answered by corruption, or by a bare abort, is refused with a sentence") {
    EXPECT_MISUSE(enters_itself, "cannot enter itself");
    EXPECT_MISUSE(enters_its_enterer, "yield to it");
    EXPECT_MISUSE(enters_what_has_ended, "has ended");
    EXPECT_MISUSE(enters_the_thread, "the thread itself");
    EXPECT_MISUSE(enters_null, "there is no coroutine");
    EXPECT_MISUSE(yields_outside, "there is no coroutine to yield from");
    EXPECT_MISUSE(enters_on_another_thread, "belongs to another thread");
}

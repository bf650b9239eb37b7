/* SPDX-License-Identifier: MIT */
/* coloop.h: loops of one's own. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <coloop/coloop.h>

#include "check.h"

#define MILLISECOND 1000000LL
#define HOUR (3600LL * 1000 * MILLISECOND)

static coloop_loop* loop;

static void note_twice(void* name) {
    note(name);
    CHECK(coloop_current_loop() == loop);
    CHECK(coloop_sleep_ns(0) == 0);
    note(name);
}

TEST(running, "a loop runs until nothing is left to do, and may run again") {
    loop = coloop_loop_new();
    CHECK(loop != NULL);
    CHECK(coloop_loop_uv(loop) != NULL);
    CHECK(coloop_loop_run(loop) == 0);
    CHECK(coloop_spawn(loop, note_twice, "a") == 0);
    CHECK(coloop_spawn(loop, note_twice, "b") == 0);
    CHECK_NOTES("");
    CHECK(coloop_loop_run(loop) == 0);
    CHECK_NOTES("a b a b");
    CHECK(coloop_spawn(loop, note_twice, "c") == 0);
    CHECK(coloop_loop_run(loop) == 0);
    CHECK_NOTES("c c");
    coloop_loop_free(loop);
}

static void note_the_end(void* unused) {
    (void)unused;
    note(coloop_sleep_ns(HOUR) == UV_ECANCELED ? "cancelled" : "?");
}

static void cancel_all(void* unused) {
    (void)unused;
    coloop_loop_cancel(loop);
}

TEST(ending, "cancelling a loop ends what runs on it, and so does freeing it") {
    loop = coloop_loop_new();
    CHECK(coloop_spawn(loop, note_the_end, NULL) == 0);
    coloop_loop_post(loop, cancel_all, NULL);
    CHECK(coloop_loop_run(loop) == 0);
    CHECK_NOTES("cancelled");
    CHECK(coloop_spawn(loop, note_the_end, NULL) == 0); /* later ones, too */
    CHECK(coloop_loop_run(loop) == 0);
    CHECK_NOTES("cancelled");
    coloop_loop_free(loop);

    loop = coloop_loop_new();
    CHECK(coloop_spawn(loop, note_the_end, NULL) == 0);
    coloop_loop_free(loop);
    CHECK_NOTES("cancelled");
}

/* ---- reports ---- */

static void wait_for_nobody(void* channel) {
    void* item;

    CHECK(coloop_channel_receive(channel, &item) == UV_ECANCELED);
}

TEST(deadlock, "a coroutine that nothing can wake is reported by its name") {
    static const coloop_spawn_options named = {.name = "lonely", .stack_size = 64 << 10};
    coloop_channel* channel = coloop_channel_new(0);
    FILE* report = tmpfile();
    int errors = dup(STDERR_FILENO);
    char words[256] = "";

    loop = coloop_loop_new();
    CHECK(coloop_spawn_with(loop, wait_for_nobody, channel, &named) == 0);
    dup2(fileno(report), STDERR_FILENO);
    CHECK(coloop_loop_run(loop) == 1);
    dup2(errors, STDERR_FILENO);
    close(errors);
    rewind(report);
    CHECK(fread(words, 1, sizeof words - 1, report) > 0);
    CHECK(strstr(words, "coroutine \"lonely\" waits") != NULL);
    fclose(report);
    coloop_loop_free(loop);
    coloop_channel_free(channel);
}

/* ---- other threads ---- */

static void finish(void* unused) {
    (void)unused;
    note("posted");
    coloop_loop_keep_alive(loop, false);
}

static void* post_from_outside(void* unused) {
    (void)unused;
    coloop_loop_post(loop, finish, NULL);
    return NULL;
}

TEST(posting, "a loop that is kept alive runs until another thread has posted") {
    pthread_t thread;

    loop = coloop_loop_new();
    coloop_loop_keep_alive(loop, true);
    CHECK(pthread_create(&thread, NULL, post_from_outside, NULL) == 0);
    CHECK(coloop_loop_run(loop) == 0);
    pthread_join(thread, NULL);
    CHECK_NOTES("posted");
    coloop_loop_free(loop);
}

/* ---- deadlines ---- */

static void keep_a_deadline(void* unused) {
    coloop_scope scope;
    int64_t when = coloop_now_ns() + 2 * MILLISECOND;

    (void)unused;
    coloop_scope_open_deadline(&scope, when);
    CHECK(coloop_sleep_ns(HOUR) == UV_ECANCELED);
    CHECK(coloop_now_ns() >= when);
    CHECK(coloop_scope_close(&scope) == UV_ETIMEDOUT);

    coloop_scope_open_deadline(&scope, when); /* which has passed */
    CHECK(coloop_check_cancelled() == UV_ECANCELED);
    CHECK(coloop_scope_close(&scope) == UV_ETIMEDOUT);

    coloop_scope_open_deadline(&scope, coloop_now_ns() + HOUR);
    CHECK(coloop_sleep_ns(0) == 0);
    CHECK(coloop_scope_close(&scope) == 0);
}

TEST(deadlines, "a scope with a deadline ends then, and not before") {
    loop = coloop_loop_new();
    CHECK(coloop_spawn(loop, keep_a_deadline, NULL) == 0);
    CHECK(coloop_loop_run(loop) == 0);
    coloop_loop_free(loop);
}

/* ---- misuse ---- */

static void run_a_guest(void) { coloop_loop_run(coloop_loop_attach(uv_default_loop())); }

static void free_a_guest(void) { coloop_loop_free(coloop_loop_attach(uv_default_loop())); }

static void detach_an_owner(void) { coloop_loop_detach(coloop_loop_new()); }

static void run_it(void* unused) {
    (void)unused;
    coloop_loop_run(loop);
}

static void run_inside(void) {
    loop = coloop_loop_new();
    coloop_spawn(loop, run_it, NULL);
    coloop_loop_run(loop);
}

TEST(misuse, "owners run and free their loops, guests detach, and nobody runs one within itself") {
    EXPECT_MISUSE(run_a_guest, "run a loop: this loop is attached to a uv loop");
    EXPECT_MISUSE(free_a_guest, "free a loop: this loop is attached to a uv loop");
    EXPECT_MISUSE(detach_an_owner, "detach a loop: coloop owns this one");
    EXPECT_MISUSE(run_inside, "run a Loop");
}

/* SPDX-License-Identifier: MIT */
/* coloop.h: channels of pointers. */
#include <stdint.h>
#include <string.h>
#include <uv.h>

#include <coloop/coloop.h>

#include "check.h"

static int run(int (*function)(void*)) { return coloop_run(function, NULL); }

static bool says(const char* words) { return strcmp(coloop_error_message(), words) == 0; }

static coloop_channel* channel;

/* ---- without waiting ---- */

TEST(at_once, "what need not wait can be done outside coroutines") {
    void* item = NULL;

    channel = coloop_channel_new(2);
    CHECK(coloop_channel_try_receive(channel, &item) == UV_EAGAIN);
    CHECK(says("receive from a channel: nothing there"));
    CHECK(coloop_channel_try_send(channel, "a") == 0);
    CHECK(coloop_channel_try_send(channel, "b") == 0);
    CHECK(coloop_channel_try_send(channel, "c") == UV_EAGAIN);
    CHECK(says("send to a channel: no room"));
    CHECK(coloop_channel_try_receive(channel, &item) == 1 && strcmp(item, "a") == 0);
    coloop_channel_close(channel);
    coloop_channel_close(channel);
    CHECK(coloop_channel_try_send(channel, "d") == UV_EBADF);
    CHECK(says("send to a channel: closed"));
    CHECK(coloop_channel_try_receive(channel, &item) == 1 && strcmp(item, "b") == 0);
    CHECK(coloop_channel_try_receive(channel, &item) == 0);
    coloop_channel_free(channel);
    CHECK(coloop_channel_new(SIZE_MAX) == NULL);
}

/* ---- from coroutine to coroutine ---- */

static int receive_all(void* unused) {
    void* item;
    int status;

    (void)unused;
    while ((status = coloop_channel_receive(channel, &item)) == 1) {
        note(item);
    }
    note(status == 0 ? "end" : status == UV_ECANCELED ? "cancelled" : "?");
    return 0;
}

static int send_x(void* unused) {
    int status = coloop_channel_send(channel, "x");

    (void)unused;
    note(status == 0              ? "sent"
         : status == UV_EBADF     ? "closed"
         : status == UV_ECANCELED ? "cancelled"
                                  : "?");
    return 0;
}

static int stream_values(void* capacity) {
    coloop_group* group = coloop_group_new();

    channel = coloop_channel_new(*(size_t*)capacity);
    CHECK(coloop_group_spawn(group, receive_all, NULL) == 0);
    CHECK(coloop_channel_send(channel, "a") == 0);
    CHECK(coloop_channel_send(channel, "b") == 0);
    CHECK(coloop_channel_send(channel, "c") == 0);
    coloop_channel_close(channel);
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("a b c end");
    coloop_group_free(group);
    coloop_channel_free(channel);
    return 0;
}

TEST(streams,
     "pointers arrive in order, with and without room on the way, until the channel closes") {
    size_t capacity;

    for (capacity = 0; capacity < 4; capacity++) {
        CHECK(coloop_run(stream_values, &capacity) == 0);
    }
}

static int close_on_sender(void* unused) {
    coloop_group* group = coloop_group_new();
    void* item = NULL;

    (void)unused;
    channel = coloop_channel_new(1);
    CHECK(coloop_channel_send(channel, "first") == 0);
    CHECK(coloop_group_spawn(group, send_x, NULL) == 0);
    CHECK(coloop_sleep_ns(0) == 0);
    coloop_channel_close(channel);
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("closed");
    CHECK(coloop_channel_receive(channel, &item) == 1 && strcmp(item, "first") == 0);
    CHECK(coloop_channel_receive(channel, &item) == 0);
    coloop_group_free(group);
    coloop_channel_free(channel);
    return 0;
}

TEST(closing, "a sender that waits is told that the channel was closed, and keeps its pointer") {
    CHECK(run(close_on_sender) == 0);
}

static int cancel_both(void* unused) {
    coloop_group* group = coloop_group_new();
    coloop_scope scope;
    void* item = NULL;

    (void)unused;
    channel = coloop_channel_new(0);
    CHECK(coloop_group_spawn(group, receive_all, NULL) == 0);
    CHECK(coloop_sleep_ns(0) == 0);
    coloop_group_cancel(group);
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("cancelled");
    coloop_group_free(group);

    group = coloop_group_new();
    CHECK(coloop_group_spawn(group, send_x, NULL) == 0);
    CHECK(coloop_sleep_ns(0) == 0);
    coloop_group_cancel(group);
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("cancelled");
    coloop_group_free(group);
    CHECK(coloop_channel_try_receive(channel, &item) == UV_EAGAIN); /* it was not sent */

    coloop_scope_open(&scope);
    coloop_scope_cancel(&scope);
    CHECK(coloop_channel_receive(channel, &item) == UV_ECANCELED);
    CHECK(coloop_channel_send(channel, "x") == UV_ECANCELED);
    CHECK(coloop_scope_close(&scope) == UV_ECANCELED);
    coloop_channel_free(channel);
    return 0;
}

TEST(cancelling, "who sends or receives can be called off, and nothing is lost") {
    CHECK(run(cancel_both) == 0);
}

static int wait_and_free(void* unused) {
    (void)unused;
    channel = coloop_channel_new(0);
    coloop_spawn(coloop_current_loop(), (void (*)(void*))(void*)send_x, NULL);
    CHECK(coloop_sleep_ns(0) == 0);
    coloop_channel_free(channel);
    return 0;
}

static void free_while_one_waits(void) { run(wait_and_free); }

TEST(misuse, "a channel that somebody waits for cannot be freed") {
    EXPECT_MISUSE(free_while_one_waits, "a Channel was destroyed");
}

/* SPDX-License-Identifier: MIT */
/* coloop.h: coroutines, scopes, groups, streams, files and names, in C. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <coloop/coloop.h>

#include "check.h"

#define MILLISECOND 1000000LL
#define HOUR (3600LL * 1000 * MILLISECOND)

static int run(int (*function)(void*)) { return coloop_run(function, NULL); }

static bool says(const char* words) { return strcmp(coloop_error_message(), words) == 0; }

static void note_name(void* name) {
    CHECK(coloop_sleep_ns(0) == 0);
    note(name);
}

static int spawn_two(void* unused) {
    (void)unused;
    CHECK(coloop_current_loop() != NULL);
    CHECK(coloop_spawn(coloop_current_loop(), note_name, "a") == 0);
    CHECK(coloop_spawn(coloop_current_loop(), note_name, "b") == 0);
    note("main");
    return 7;
}

TEST(spawning, "run returns what the function returned, when all coroutines have ended") {
    CHECK(coloop_current_loop() == NULL);
    CHECK(run(spawn_two) == 7);
    CHECK_NOTES("main a b");
    CHECK(strcmp(coloop_version(), COLOOP_VERSION_STRING) == 0);
    CHECK(COLOOP_VERSION >= 100);
}

/* ---- scopes ---- */

static coloop_scope* innermost;

static void cancel_it(void* unused) {
    (void)unused;
    coloop_scope_cancel(innermost);
}

static int use_scopes(void* unused) {
    coloop_scope scope, outer, shield;

    (void)unused;
    coloop_scope_open_timeout(&scope, MILLISECOND);
    CHECK(coloop_sleep_ns(HOUR) == UV_ECANCELED);
    CHECK(says("the coroutine was cancelled"));
    CHECK(coloop_check_cancelled() == UV_ECANCELED);
    CHECK(coloop_scope_close(&scope) == UV_ETIMEDOUT);
    CHECK(coloop_check_cancelled() == 0);

    coloop_scope_open_timeout(&scope, HOUR);
    CHECK(coloop_sleep_ns(1) == 0);
    CHECK(coloop_scope_close(&scope) == 0);

    coloop_scope_open(&scope);
    innermost = &scope;
    CHECK(coloop_spawn(coloop_current_loop(), cancel_it, NULL) == 0);
    CHECK(coloop_sleep_ns(HOUR) == UV_ECANCELED);
    CHECK(coloop_scope_close(&scope) == UV_ECANCELED);

    coloop_scope_open(&outer);
    coloop_scope_open_timeout(&scope, HOUR);
    coloop_scope_open_shield(&shield);
    coloop_scope_cancel(&outer);
    CHECK(coloop_sleep_ns(1) == 0);
    CHECK(coloop_scope_close(&shield) == 0);
    CHECK(coloop_sleep_ns(1) == UV_ECANCELED);
    CHECK(coloop_scope_close(&scope) == UV_ECANCELED);
    CHECK(coloop_scope_close(&outer) == UV_ECANCELED);
    return 0;
}

TEST(scopes, "scopes end waits by hand or by time, and shields keep that out") {
    CHECK(run(use_scopes) == 0);
}

/* ---- groups ---- */

static int sleep_for_ever(void* unused) {
    int status = coloop_sleep_ns(HOUR);

    (void)unused;
    note("cut short");
    return status;
}

static int fail_to_connect(void* unused) {
    coloop_stream* stream;

    (void)unused;
    return coloop_tcp_connect("127.0.0.1", 1, &stream);
}

static int succeed(void* unused) {
    (void)unused;
    note("ended");
    return 0;
}

static int use_groups(void* unused) {
    coloop_group* group = coloop_group_new();

    (void)unused;
    CHECK(coloop_group_spawn(group, succeed, NULL) == 0);
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("ended");
    CHECK(coloop_group_spawn(group, sleep_for_ever, NULL) == 0);
    CHECK(coloop_group_spawn(group, fail_to_connect, NULL) == 0);
    CHECK(coloop_group_wait(group) == UV_ECONNREFUSED);
    CHECK(strstr(coloop_error_message(), "connect 127.0.0.1:1: connection refused") != NULL);
    CHECK_NOTES("cut short");
    coloop_group_free(group);

    group = coloop_group_new();
    CHECK(coloop_group_spawn(group, sleep_for_ever, NULL) == 0);
    CHECK(coloop_sleep_ns(0) == 0);
    coloop_group_free(group); /* cancels and waits */
    CHECK_NOTES("cut short");

    group = coloop_group_new();
    CHECK(coloop_group_spawn(group, sleep_for_ever, NULL) == 0);
    CHECK(coloop_sleep_ns(0) == 0);
    coloop_group_cancel(group);
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("cut short");
    coloop_group_free(group);
    return 0;
}

TEST(groups, "a group waits for all, and a failure cancels the others and is what wait returns") {
    CHECK(run(use_groups) == 0);
}

/* ---- streams ---- */

static int serve_one(void* listener) {
    coloop_stream* client;
    char buffer[16];
    int64_t size;

    CHECK(coloop_listener_accept(listener, &client) == 0);
    while ((size = coloop_stream_read(client, buffer, sizeof buffer)) > 0) {
        CHECK(coloop_stream_write(client, buffer, (size_t)size) == 0);
    }
    CHECK(size == 0);
    coloop_stream_free(client);
    return coloop_listener_accept(listener, &client);
}

static int use_streams(void* unused) {
    coloop_group* group = coloop_group_new();
    coloop_listener* listener;
    coloop_stream* stream;
    char buffer[16];

    (void)unused;
    CHECK(coloop_tcp_listen("nonsense", 0, &listener) == UV_EINVAL);
    CHECK(coloop_tcp_listen("127.0.0.1", 0, &listener) == 0);
    CHECK(coloop_group_spawn(group, serve_one, listener) == 0);
    CHECK(coloop_tcp_connect("127.0.0.1", coloop_listener_port(listener), &stream) == 0);
    CHECK(coloop_stream_write(stream, "hello", 5) == 0);
    CHECK(coloop_stream_read(stream, buffer, sizeof buffer) == 5);
    CHECK(memcmp(buffer, "hello", 5) == 0);
    CHECK(coloop_stream_shutdown(stream) == 0);
    CHECK(coloop_stream_read(stream, buffer, sizeof buffer) == 0);
    coloop_stream_free(stream);
    coloop_listener_free(listener); /* while the other accepts */
    CHECK(coloop_group_wait(group) == UV_EBADF);
    coloop_group_free(group);
    return 0;
}

TEST(streams, "a connection carries bytes both ways, and what ends is told") {
    CHECK(run(use_streams) == 0);
}

/* ---- files and names ---- */

static int use_files(void* unused) {
    char path[] = "/tmp/coloop-c-XXXXXX";
    char buffer[16];
    coloop_file* file;

    (void)unused;
    close(mkstemp(path));
    CHECK(coloop_file_open(path, COLOOP_WRITE | COLOOP_READ, 0, &file) == 0);
    CHECK(coloop_file_write(file, "hello", 5) == 0);
    CHECK(coloop_file_write_at(file, "j", 1, 0) == 0);
    CHECK(coloop_file_read_at(file, buffer, sizeof buffer, 0) == 5);
    CHECK(memcmp(buffer, "jello", 5) == 0);
    CHECK(coloop_file_read(file, buffer, sizeof buffer) == 0);
    CHECK(coloop_file_size(file) == 5);
    CHECK(coloop_file_truncate(file, 2) == 0);
    CHECK(coloop_file_sync(file) == 0);
    CHECK(coloop_file_size(file) == 2);
    CHECK(coloop_file_free(file) == 0);
    CHECK(coloop_unlink(path) == 0);
    CHECK(coloop_unlink(path) == UV_ENOENT);
    CHECK(coloop_file_open(path, COLOOP_READ, 0, &file) == UV_ENOENT);
    CHECK(strstr(coloop_error_message(), ": no such file or directory") != NULL);
    return 0;
}

static int use_folders(void* unused) {
    char folder[] = "/tmp/coloop-c-XXXXXX";
    char inner[64], other[64];

    (void)unused;
    CHECK(mkdtemp(folder) == folder);
    snprintf(inner, sizeof inner, "%s/inner", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    CHECK(coloop_mkdir(inner, 0700) == 0);
    CHECK(coloop_mkdir(inner, 0700) == UV_EEXIST);
    CHECK(coloop_rename(inner, other) == 0);
    CHECK(coloop_rename(inner, other) == UV_ENOENT);
    CHECK(coloop_rmdir(folder) == UV_ENOTEMPTY);
    CHECK(coloop_rmdir(other) == 0);
    CHECK(coloop_rmdir(folder) == 0);
    return 0;
}

static int use_names(void* unused) {
    coloop_address addresses[2];

    (void)unused;
    CHECK(coloop_resolve("127.0.0.1", addresses, 2) == 1);
    CHECK(strcmp(addresses[0].host, "127.0.0.1") == 0);
    CHECK(coloop_resolve("::1", addresses, 0) == 1);
    return 0;
}

TEST(files, "files are read and written, and refusals have a code and words") {
    CHECK(run(use_files) == 0);
    CHECK(run(use_folders) == 0);
    CHECK(run(use_names) == 0);
}

static void fail_and_ask(void* words) {
    coloop_file* file;

    CHECK(coloop_file_open(words, COLOOP_READ, 0, &file) == UV_ENOENT);
    CHECK(coloop_sleep_ns(0) == 0);
    CHECK(strstr(coloop_error_message(), words) != NULL);
}

static int fail_twice(void* unused) {
    (void)unused;
    coloop_spawn(coloop_current_loop(), fail_and_ask, "/nowhere/a");
    coloop_spawn(coloop_current_loop(), fail_and_ask, "/nowhere/b");
    CHECK(says(""));
    return 0;
}

TEST(messages, "each coroutine has its own last failure") { CHECK(run(fail_twice) == 0); }

static void sleeps_outside(void) { coloop_sleep_ns(0); }

TEST(misuse, "waiting outside coroutines is refused") {
    EXPECT_MISUSE(sleeps_outside, "cannot sleep outside a coroutine");
}

/* SPDX-License-Identifier: MIT */
/* coloop.h: sockets of the Unix domain, and what all streams have in common. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <coloop/coloop.h>

#include "check.h"

#define HOUR (3600LL * 1000 * 1000 * 1000)

static int run(int (*function)(void*)) { return coloop_run(function, NULL); }

static bool says(const char* words) { return strstr(coloop_error_message(), words) != NULL; }

/* ---- names ---- */

static int echo_once(void* listener) {
    coloop_stream* client;
    char buffer[16];
    int64_t size;

    CHECK(coloop_listener_accept(listener, &client) == 0);
    while ((size = coloop_stream_read(client, buffer, sizeof buffer)) > 0) {
        CHECK(coloop_stream_write(client, buffer, (size_t)size) == 0);
    }
    coloop_stream_free(client);
    return (int)size;
}

static void talk_at(const char* name) {
    coloop_group* group = coloop_group_new();
    coloop_listener* listener;
    coloop_stream* stream;
    char answer[5];

    CHECK(coloop_pipe_listen(name, 0600, &listener) == 0);
    CHECK(coloop_listener_port(listener) == 0);
    CHECK(coloop_group_spawn(group, echo_once, listener) == 0);
    CHECK(coloop_pipe_connect(name, &stream) == 0);
    CHECK(coloop_stream_write(stream, "hello", 5) == 0);
    CHECK(coloop_stream_read_exactly(stream, answer, 5) == 0);
    CHECK(memcmp(answer, "hello", 5) == 0);
    CHECK(coloop_stream_shutdown(stream) == 0);
    CHECK(coloop_stream_read_exactly(stream, answer, 5) == UV_EOF);
    CHECK(coloop_group_wait(group) == 0);
    coloop_stream_free(stream);
    coloop_listener_free(listener);
    coloop_group_free(group);
}

static int use_names(void* unused) {
    char folder[] = "/tmp/coloop-c-XXXXXX";
    char path[64], abstract[64];
    coloop_listener* listener;
    coloop_stream* stream;
    struct stat info;

    (void)unused;
    CHECK(mkdtemp(folder) == folder);
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(abstract, sizeof abstract, "@%s", folder);
    talk_at(path);
    talk_at(abstract);

    CHECK(coloop_pipe_connect(path, &stream) == UV_ENOENT);
    CHECK(says(path) && says("no such file or directory"));
    CHECK(coloop_pipe_listen(path, 0640, &listener) == 0);
    CHECK(stat(path, &info) == 0 && (info.st_mode & 0777) == 0640);
    coloop_listener_free(listener);
    CHECK(coloop_sleep_ns(0) == 0);
    CHECK(rmdir(folder) == 0); /* so the socket file is gone */
    return 0;
}

TEST(names, "streams connect by paths and abstract names, and leave nothing behind") {
    CHECK(run(use_names) == 0);
}

/* ---- one who waits is called off, and another closes ---- */

static coloop_stream *near, *far;
static char large[4 << 20]; /* more than the system takes at once */

static int read_near(void* unused) {
    char byte;
    int64_t status = coloop_stream_read(near, &byte, 1);

    (void)unused;
    note(status == UV_EBADF ? "closed" : status == UV_ECANCELED ? "cancelled" : "?");
    return 0;
}

static int write_near(void* unused) {
    int status = coloop_stream_write(near, large, sizeof large);

    (void)unused;
    note(status == UV_EBADF ? "closed" : status == UV_ECANCELED ? "cancelled" : "?");
    return 0;
}

static coloop_group* both_wait(void) {
    coloop_group* group = coloop_group_new();

    CHECK(coloop_pipe_pair(&near, &far) == 0);
    CHECK(coloop_group_spawn(group, read_near, NULL) == 0);
    CHECK(coloop_group_spawn(group, write_near, NULL) == 0);
    CHECK(coloop_sleep_ns(0) == 0);
    return group;
}

static int close_on_them(void* unused) {
    char byte;
    coloop_group* group = both_wait();

    (void)unused;
    CHECK(coloop_stream_read(near, &byte, 1) == UV_EBUSY);
    coloop_stream_close(near);
    coloop_stream_close(near);
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("closed closed");
    CHECK(coloop_stream_read(near, &byte, 1) == UV_EBADF);
    CHECK(coloop_stream_write(near, &byte, 1) == UV_EBADF);
    coloop_stream_free(near);
    coloop_stream_free(far);
    coloop_group_free(group);

    group = both_wait();
    coloop_stream_free(near); /* which they need no more */
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("closed closed");
    coloop_stream_free(far);
    coloop_group_free(group);
    return 0;
}

TEST(closing, "who reads or writes is told that another has closed or freed the stream") {
    CHECK(run(close_on_them) == 0);
}

static int cancel_them(void* unused) {
    coloop_scope scope;
    coloop_listener* listener;
    char name[32];
    coloop_group* group = both_wait();

    (void)unused;
    coloop_group_cancel(group);
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("cancelled cancelled");
    coloop_group_free(group);
    coloop_stream_free(near);
    coloop_stream_free(far);

    snprintf(name, sizeof name, "@coloop-c-%d", (int)getpid());
    CHECK(coloop_pipe_listen(name, 0600, &listener) == 0);
    coloop_scope_open_timeout(&scope, 1);
    CHECK(coloop_listener_accept(listener, &near) == UV_ECANCELED);
    CHECK(coloop_pipe_connect(name, &near) == UV_ECANCELED); /* cancelled already */
    CHECK(coloop_scope_close(&scope) == UV_ETIMEDOUT);
    coloop_listener_free(listener);
    return 0;
}

TEST(cancelling, "who reads, writes, accepts or connects can be called off") {
    CHECK(run(cancel_them) == 0);
}

/* ---- where they are ---- */

static int ask_for_peers(void* unused) {
    coloop_listener* listener;
    coloop_address address;

    (void)unused;
    CHECK(coloop_tcp_listen("::1", 0, &listener) == 0 ||
          coloop_tcp_listen("127.0.0.1", 0, &listener) == 0);
    coloop_listener_free(listener);
    CHECK(coloop_tcp_listen("127.0.0.1", 0, &listener) == 0);
    CHECK(coloop_tcp_connect("127.0.0.1", coloop_listener_port(listener), &near) == 0);
    CHECK(coloop_stream_peer(near, &address) == 0);
    CHECK(strcmp(address.host, "127.0.0.1") == 0);
    CHECK(address.port == coloop_listener_port(listener));
    coloop_stream_close(near);
    CHECK(coloop_stream_peer(near, &address) == UV_EBADF);
    coloop_stream_free(near);
    coloop_listener_free(listener);

    CHECK(coloop_pipe_pair(&near, &far) == 0);
    CHECK(coloop_stream_peer(near, &address) == UV_ENOTSUP);
    coloop_stream_free(near);
    coloop_stream_free(far);
    return 0;
}

TEST(peers, "a TCP stream knows its peer's address, and others have none") {
    CHECK(run(ask_for_peers) == 0);
}

/* SPDX-License-Identifier: MIT */
/*
 * A libuv program of the kind that libuv's guide teaches: a heartbeat and a TCP server of
 * callbacks. Coroutines join it in the lines marked with +, and its own handles go on as before.
 */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <coloop/coloop.h> /* + */

#include "check.h"

static uv_loop_t* uv;
static uv_tcp_t server;
static uv_timer_t heartbeat;
static int beats, left;

static void on_beat(uv_timer_t* timer) {
    (void)timer;
    beats++;
}

static void on_alloc(uv_handle_t* handle, size_t size, uv_buf_t* buffer) {
    (void)handle;
    *buffer = uv_buf_init(malloc(size), (unsigned)size);
}

static void on_written(uv_write_t* request, int status) {
    CHECK(status == 0);
    free(request->data);
    free(request);
}

static void on_closed(uv_handle_t* handle) { free(handle); }

static void on_read(uv_stream_t* client, ssize_t count, const uv_buf_t* buffer) {
    if (count > 0) {
        uv_write_t* request = malloc(sizeof *request);
        uv_buf_t echo = uv_buf_init(buffer->base, (unsigned)count);

        request->data = buffer->base;
        uv_write(request, client, &echo, 1, on_written);
        return;
    }
    free(buffer->base);
    if (count < 0) {
        uv_close((uv_handle_t*)client, on_closed);
    }
}

static void on_connection(uv_stream_t* listener, int status) {
    uv_tcp_t* client = malloc(sizeof *client);

    CHECK(status == 0);
    uv_tcp_init(uv, client);
    CHECK(uv_accept(listener, (uv_stream_t*)client) == 0);
    uv_read_start((uv_stream_t*)client, on_alloc, on_read);
}

static uint16_t listen_somewhere(void) {
    struct sockaddr_in address;
    int size = sizeof address;

    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(uv, &server);
    uv_tcp_bind(&server, (struct sockaddr*)&address, 0);
    CHECK(uv_listen((uv_stream_t*)&server, 8, on_connection) == 0);
    uv_tcp_getsockname(&server, (struct sockaddr*)&address, &size);
    return (uint16_t)((address.sin_port >> 8) | (address.sin_port << 8));
}

static void talk(void* port) /* + */
{
    coloop_stream* stream;
    char answer[8] = "";
    int i;

    CHECK(coloop_tcp_connect("127.0.0.1", *(uint16_t*)port, &stream) == 0);
    for (i = 0; i < 3; i++) {
        CHECK(coloop_stream_write(stream, "ping", 4) == 0);
        CHECK(coloop_stream_read(stream, answer, sizeof answer) == 4);
        CHECK(memcmp(answer, "ping", 4) == 0);
        CHECK(coloop_sleep_ns(2 * 1000 * 1000) == 0);
    }
    coloop_stream_free(stream);
    if (--left == 0) {
        uv_close((uv_handle_t*)&heartbeat, NULL);
        uv_close((uv_handle_t*)&server, NULL);
    }
}

static void on_left(void* done) { *(bool*)done = true; }

TEST(guests, "coroutines join a program of callbacks, which keeps its timers and sockets") {
    coloop_loop* loop;
    uint16_t port;
    bool done = false;
    int mine = 0;

    uv = uv_default_loop();
    uv->data = &mine;
    port = listen_somewhere();
    uv_timer_init(uv, &heartbeat);
    uv_timer_start(&heartbeat, on_beat, 0, 1);

    loop = coloop_loop_attach(uv); /* + */
    for (left = 0; left < 3; left++) {
        CHECK(coloop_spawn(loop, talk, &port) == 0); /* + */
    }

    CHECK(uv_run(uv, UV_RUN_DEFAULT) == 0);
    CHECK(left == 0);
    CHECK(beats > 0);
    CHECK(uv->data == &mine);

    coloop_loop_detach_then(loop, on_left, &done); /* + */
    CHECK(!done);
    CHECK(uv_run(uv, UV_RUN_DEFAULT) == 0);
    CHECK(done);
    CHECK(uv_loop_close(uv) == 0);
}

/* SPDX-License-Identifier: MIT */
/*
 * A program whose main loop is GLib's. libuv, and coloop on it, are a source of that loop: GLib
 * waits for libuv's descriptor for as long as libuv allows, and lets it take a turn when it has
 * something to do.
 */
#include <glib.h>
#include <uv.h>

#include <coloop/coloop.h>

#include "check.h"

struct uv_source {
    GSource source;
    uv_loop_t* uv;
    gpointer descriptor;
    int turns;
};

static gboolean prepare(GSource* source, gint* timeout) {
    uv_loop_t* uv = ((struct uv_source*)source)->uv;

    uv_update_time(uv);
    *timeout = uv_loop_alive(uv) ? uv_backend_timeout(uv) : -1;
    return *timeout == 0;
}

static gboolean check_source(GSource* source) {
    struct uv_source* self = (struct uv_source*)source;

    uv_update_time(self->uv);
    return g_source_query_unix_fd(source, self->descriptor) != 0 ||
           (uv_loop_alive(self->uv) && uv_backend_timeout(self->uv) == 0);
}

static gboolean dispatch(GSource* source, GSourceFunc callback, gpointer data) {
    struct uv_source* self = (struct uv_source*)source;

    (void)callback;
    (void)data;
    self->turns++;
    uv_run(self->uv, UV_RUN_NOWAIT);
    return G_SOURCE_CONTINUE;
}

static GMainLoop* main_loop;
static int beats;

static gboolean beat(gpointer unused) {
    (void)unused;
    beats++;
    return G_SOURCE_CONTINUE;
}

static void count_down(void* opaque) {
    int* left = opaque;

    while (*left > 0) {
        CHECK(coloop_sleep_ns(1000 * 1000) == 0);
        --*left;
    }
    g_main_loop_quit(main_loop);
}

static void wait_for_long(void* unused) {
    (void)unused;
    CHECK(coloop_sleep_ns(3600LL * 1000 * 1000 * 1000) == UV_ECANCELED);
}

TEST(glib, "coroutines run in GLib's main loop, which is not woken without need") {
    static GSourceFuncs functions = {prepare, check_source, dispatch, NULL, NULL, NULL};
    struct uv_source* source = (struct uv_source*)g_source_new(&functions, sizeof *source);
    coloop_loop* loop;
    uv_loop_t uv;
    guint heart;
    int left = 20;

    CHECK(uv_loop_init(&uv) == 0);
    source->uv = &uv;
    source->turns = 0;
    source->descriptor =
        g_source_add_unix_fd(&source->source, uv_backend_fd(&uv), G_IO_IN | G_IO_ERR);
    g_source_attach(&source->source, NULL);
    main_loop = g_main_loop_new(NULL, FALSE);
    heart = g_timeout_add(1, beat, NULL);

    loop = coloop_loop_attach(&uv);
    coloop_spawn(loop, count_down, &left);
    coloop_spawn(loop, wait_for_long, NULL);
    g_main_loop_run(main_loop);
    CHECK(left == 0);
    CHECK(beats > 0);
    CHECK(source->turns < 20 * 5 + 10);

    coloop_loop_detach(loop);
    while (uv_loop_alive(&uv)) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(heart);
    g_source_destroy(&source->source);
    g_source_unref(&source->source);
    g_main_loop_unref(main_loop);
    CHECK(uv_loop_close(&uv) == 0);
}

/* SPDX-License-Identifier: MIT */
/* QEMU's names on a libuv loop. */
#include <stdio.h>
#include <uv.h>

#include <coloop/qemu/coroutine.h>

static void coroutine_fn countdown(void* opaque) {
    int* remaining = opaque;

    while (*remaining > 0) {
        printf("%d\n", (*remaining)--);
        qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 10 * 1000 * 1000);
    }
}

int main(void) {
    int remaining = 3;
    coloop_loop* loop = coloop_loop_attach(uv_default_loop());

    qemu_coroutine_enter(qemu_coroutine_create(countdown, &remaining));
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    coloop_loop_detach(loop);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* A program in C as a user writes it, of both C headers. */
#include <stdio.h>

#include <coloop/coloop.h>
#include <coloop/qemu/coroutine.h>

static void step(void* steps) { ++*(int*)steps; }

static int sleep_and_return(void* steps) {
    qemu_coroutine_enter(qemu_coroutine_create(step, steps));
    return coloop_sleep_ns(1000);
}

int main(void) {
    int steps = 0;
    int status = coloop_run(sleep_and_return, &steps);

    printf("coloop %s\n", coloop_version());
    return status == 0 && steps == 1 ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */
/* A stand-in for QEMU itself, whose functions are global and have these very names. */
int qemu_coroutine_create(void);
int qemu_coroutine_enter(void);
int qemu_co_queue_init(void);
int co_sleep_ns(void);
int count_stand_ins(void);

int qemu_coroutine_create(void) { return 1; }

int qemu_coroutine_enter(void) { return 1; }

int qemu_co_queue_init(void) { return 1; }

int co_sleep_ns(void) { return 1; }

int count_stand_ins(void) {
    return qemu_coroutine_create() + qemu_coroutine_enter() + qemu_co_queue_init() + co_sleep_ns();
}

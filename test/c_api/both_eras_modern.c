/* SPDX-License-Identifier: MIT */
#include <coloop/qemu/coroutine.h>

void wait_as_modern(CoQueue* queue);
void wake_as_modern(CoQueue* queue);

void wait_as_modern(CoQueue* queue) { qemu_co_queue_wait(queue, NULL); }

void wake_as_modern(CoQueue* queue) { qemu_co_queue_next(queue); }

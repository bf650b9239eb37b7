// SPDX-License-Identifier: MIT
#include <cstddef>

#include <coloop/coroutine.hpp>
#include <coloop/qemu/coroutine.h>

extern "C" void wait_as_cpp(CoQueue* queue, CoMutex* mutex);

/// Waits with the C API in whatever coroutine this is, and uses all that differs in C++.
void wait_as_cpp(CoQueue* queue, CoMutex* mutex) {
    QemuLockable* none = QEMU_MAKE_LOCKABLE(NULL);
    if (none != nullptr || QEMU_MAKE_LOCKABLE(nullptr) != none ||
        qemu_coroutine_self() !=
            static_cast<Coroutine*>(static_cast<void*>(coloop::Coroutine::self()))) {
        return;
    }
    WITH_QEMU_LOCK_GUARD(mutex) { qemu_co_queue_wait(queue, mutex); }
    QEMU_LOCK_GUARD(mutex);
    coloop::Coroutine inner([] {});
    inner.enter();
}

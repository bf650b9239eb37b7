// SPDX-License-Identifier: MIT
//
// A program for a debugger to stop in; see debugged.gdb.
#include <coloop/coroutine.hpp>

using coloop::Coroutine;

Coroutine* suspended = nullptr;

[[gnu::noinline]] void stop_here() { asm volatile(""); }

[[gnu::noinline]] void inner_of_suspended() {
    Coroutine::yield();
    asm volatile("");
}

[[gnu::noinline]] void outer_of_suspended() {
    inner_of_suspended();
    asm volatile("");
}

[[gnu::noinline]] void inner_of_running() {
    stop_here();
    asm volatile("");
}

[[gnu::noinline]] void outer_of_running() {
    inner_of_running();
    asm volatile("");
}

int main() {
    Coroutine first([] { outer_of_suspended(); });
    Coroutine second([] { outer_of_running(); });
    suspended = &first;
    first.enter();
    second.enter();
    first.enter();
}

// SPDX-License-Identifier: MIT
//
// What ThreadSanitizer must and must not report of coroutines.
//   threads race|switches
#include <cstdio>
#include <string>
#include <thread>

#include <coloop/call_with_stack.hpp>
#include <coloop/coroutine.hpp>

using coloop::Coroutine;

namespace {

int shared = 0;

void count() {
    for (int i = 0; i < 1000; ++i) {
        ++shared;
        Coroutine::yield();
    }
}

void run_two() {
    Coroutine first(count);
    Coroutine second([] { coloop::call_with_stack(std::size_t{1} << 20, count); });
    while (!first.done() || !second.done()) {
        for (Coroutine* coroutine : {&first, &second}) {
            if (!coroutine->done()) {
                coroutine->enter();
            }
        }
        ++shared;
    }
}

}  // namespace

int main(int /*argc*/, char** argv) {
    if (std::string(argv[1]) == "race") {
        std::thread other(run_two);
        run_two();
        other.join();
    } else {
        run_two();
    }
    std::puts("came to the end");
}

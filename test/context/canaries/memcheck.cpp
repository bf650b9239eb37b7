// SPDX-License-Identifier: MIT
//
// What Valgrind's memcheck must and must not report of coroutines.
//   memcheck clean|invalid-read
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <coloop/call_with_stack.hpp>
#include <coloop/coroutine.hpp>

using coloop::Coroutine;

namespace {

void work() {
    for (int i = 0; i < 20; ++i) {
        try {
            const std::vector<int> numbers(100, i);
            Coroutine::yield();
            throw std::runtime_error(std::to_string(numbers[50]));
        } catch (const std::exception&) {
            Coroutine::yield();
        }
    }
    coloop::call_with_stack(std::size_t{1} << 20, Coroutine::yield);
    coloop::run_on_loop_stack([] { return std::string(1000, 'x').size(); });
}

}  // namespace

int main(int /*argc*/, char** argv) {
    if (std::string(argv[1]) == "invalid-read") {
        Coroutine coroutine([] {
            auto held = std::make_unique<int>(1);
            const volatile int* freed = held.get();
            asm volatile("" : "+r"(freed));  // or the compiler warns
            held.reset();
            std::printf("%d\n", *freed);
        });
        coroutine.enter();
    }
    for (int round = 0; round < 3; ++round) {
        std::vector<std::unique_ptr<Coroutine>> coroutines;
        for (int i = 0; i < 20; ++i) {
            coroutines.push_back(std::make_unique<Coroutine>(work));
        }
        while (!coroutines.back()->done()) {
            for (const auto& coroutine : coroutines) {
                coroutine->enter();
            }
        }
    }
    std::puts("came to the end");
}

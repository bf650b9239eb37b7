// SPDX-License-Identifier: MIT
//
// Mistakes inside coroutines that AddressSanitizer and LeakSanitizer must report, and things that
// look like some and must not be.
//   address use-after-free|overflow|leak|alive|exception|abandoned
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include <coloop/coroutine.hpp>

using coloop::Coroutine;

namespace {

/// Opaque to the compiler, which might see the mistakes.
template <typename T>
T* veil(T* pointer) {
    asm volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

void use_after_free() {
    int* freed = veil(new int(1));
    delete veil(freed);
    std::printf("%d\n", *veil(freed));
}

void overflow() {
    char buffer[16];
    std::memset(veil(buffer), 1, *veil(std::make_unique<std::size_t>(17).get()));
    std::printf("%d\n", *veil(buffer));
}

void leak() {
    int* lost = veil(new int(1));
    Coroutine::yield();
    *lost = 2;
    lost = veil(static_cast<int*>(nullptr));
}

/// Its frames, and pages of the stack below them, are used again after an exception passed there.
void exception() {
    for (int i = 0; i < 100; ++i) {
        try {
            volatile char frame[2000] = {};
            throw std::runtime_error(std::string(100, frame[5]));
        } catch (const std::exception&) {
            Coroutine::yield();
        }
    }
}

void run(void (*function)()) {
    Coroutine coroutine(function);
    while (!coroutine.done()) {
        coroutine.enter();
    }
}

}  // namespace

int main(int /*argc*/, char** argv) {
    const std::string what = argv[1];
    if (what == "use-after-free") {
        run(use_after_free);
    } else if (what == "overflow") {
        run(overflow);
    } else if (what == "leak") {
        run(leak);
    } else if (what == "exception") {
        for (int i = 0; i < 10; ++i) {
            run(exception);
        }
    } else if (what == "alive") {
        // Still suspended at the end; what only its frame points to is not lost.
        static auto* coroutine = new Coroutine([] {
            int* held = veil(new int(1));
            Coroutine::yield();
            delete held;
        });
        coroutine->enter();
    }
    std::puts("came to the end");
}

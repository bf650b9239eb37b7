// SPDX-License-Identifier: MIT
// A program as a user writes it; three build systems must be able to build and run it.
#include <coloop/coroutine.hpp>

int main() {
    int steps = 0;
    coloop::Coroutine coroutine([&] { ++steps; });
    coroutine.enter();
    return steps == 1 ? 0 : 1;
}

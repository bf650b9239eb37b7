// SPDX-License-Identifier: MIT
// Two coroutines take two locks in opposite order; README.md shows what is printed.
#include <mutex>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

void transfer(coloop::CoMutex& from, coloop::CoMutex& to) {
    const std::lock_guard first(from);
    coloop::co_sleep(100ms);
    const std::lock_guard second(to);
}

int main() {
    return coloop::run([] {
        coloop::CoMutex alice;
        coloop::CoMutex bob;
        coloop::TaskGroup group;
        group.spawn([&] { transfer(alice, bob); }, {.name = "alice to bob"});
        group.spawn([&] { transfer(bob, alice); }, {.name = "bob to alice"});
        group.wait();
    });
}

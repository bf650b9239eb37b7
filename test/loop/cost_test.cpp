// SPDX-License-Identifier: MIT
//
// What scopes, timeouts, tasks and wakes from other threads must not cost.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <new>

#include <doctest/doctest.h>

#include <coloop/call_on.hpp>
#include <coloop/loop_channel.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/death.hpp"
#include "support/loop_thread.hpp"
#include "support/no_system_calls.hpp"
#include "support/run_in_loop.hpp"

using namespace std::chrono_literals;

using coloop::CancelScope;
using coloop::checkpoint;
using coloop::run_in_loop;
using coloop::TaskGroup;
using coloop::with_timeout;

namespace {

std::atomic<std::size_t> allocations = 0;  // of the whole process, since it began

/// How often memory is allocated in a hundred calls, after some that may fill pools.
std::size_t allocations_in(const std::function<void()>& function) {
    for (int i = 0; i < 10; ++i) {
        function();
    }
    const std::size_t before = allocations;
    for (int i = 0; i < 100; ++i) {
        function();
    }
    return allocations - before;
}

}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size > 0 ? size : 1)) {
        return memory;
    }
    throw std::bad_alloc();
}

void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    ++allocations;
    return std::malloc(size > 0 ? size : 1);
}

void operator delete(void* memory) noexcept { std::free(memory); }

void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

TEST_SUITE("cost") {
    TEST_CASE("the allocations of this process are counted") {
        CHECK(allocations_in([] { delete new int(1); }) == 100);
    }

    TEST_CASE("scopes, shields, timeouts and checkpoints allocate nothing") {
        run_in_loop([] {
            CHECK(allocations_in([] {
                      const CancelScope scope;
                      coloop::uncancellable([] {
                          with_timeout(1h, [] {
                              with_timeout(2h, [] { checkpoint(); });
                              static_cast<void>(coloop::time_left());
                          });
                      });
                      coloop::check_cancelled();
                  }) == 0);
        });
    }

    TEST_CASE("spawning allocates nothing, whether the Task is ignored or joined") {
        run_in_loop([] {
            TaskGroup group;
            CHECK(allocations_in([&] {
                      group.spawn([] { checkpoint(); });
                      group.spawn([] { return 1; }).join();
                      group.wait();
                  }) == 0);
        });
    }

    TEST_CASE("a call on another loop and a value sent to it allocate nothing") {
        coloop::LoopThread other;
        run_in_loop([&] {
            coloop::LoopChannel<int> channel;
            CHECK(allocations_in([&] { coloop::call_on(other.loop(), [] { checkpoint(); }); }) ==
                  0);
            TaskGroup group;
            group.spawn([&] {
                coloop::call_on(other.loop(), [&] {
                    while (channel.receive()) {
                    }
                });
            });
            CHECK(allocations_in([&] { channel.send(1); }) == 0);
            channel.close();
            group.wait();
        });
    }

#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN) && !defined(COLOOP_EMULATED)
    TEST_CASE("a scope and a timeout that does not fire make no system call") {
        const coloop::Death death = coloop::die([] {
            run_in_loop([] {
                with_timeout(1h, [] { checkpoint(); });
                coloop::forbid_system_calls();
                for (int i = 0; i < 100; ++i) {
                    const CancelScope scope;
                    with_timeout(1h, [] { coloop::move_on_after(2h, coloop::check_cancelled); });
                    static_cast<void>(coloop::time_left());
                }
                _exit(3);
            });
        });
        CHECK(death.signal == 0);
        CHECK(death.exit_code == 3);
        const coloop::Death control = coloop::die([] {
            coloop::forbid_system_calls();
            getppid();
        });
        CHECK(control.signal == SIGSYS);
    }
#endif
}

// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/clock.hpp>
#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/co_semaphore.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/testing.hpp>
#include <coloop/timeout.hpp>

#include "support/expect_misuse.hpp"
#include "support/run_in_loop.hpp"
#include "support/waiting.hpp"

using namespace std::chrono_literals;

using coloop::Cancelled;
using coloop::co_sleep;
using coloop::co_sleep_ns;
using coloop::move_on_after;
using coloop::run_in_loop;
using coloop::TaskGroup;
using coloop::TimedOut;
using coloop::uncancellable;
using coloop::wait_for_ever;
using coloop::with_timeout;

namespace {

std::int64_t now() { return coloop::monotonic_clock().now(); }

/// For as long as `duration`, without letting anybody else run.
void compute(std::chrono::nanoseconds duration) {
    const std::int64_t end = now() + duration.count();
    while (now() < end) {
    }
}

bool timer_is_awaited(uv_loop_t* uv) {
    bool awaited = false;
    uv_walk(
        uv,
        [](uv_handle_t* handle, void* result) {
            if (handle->type == UV_TIMER && uv_is_active(handle) && uv_has_ref(handle)) {
                *static_cast<bool*>(result) = true;
            }
        },
        &awaited);
    return awaited;
}

}  // namespace

TEST_SUITE("with_timeout") {
    TEST_CASE("returns what the function returns") {
        run_in_loop([] {
            CHECK(with_timeout(1h, [] { return 42; }) == 42);
            CHECK(*with_timeout(1h, [] { return std::make_unique<int>(7); }) == 7);
            int number = 0;
            int& same = with_timeout(1h, [&]() -> int& { return number; });
            CHECK(&same == &number);
            with_timeout(1h, [&] { number = 1; });
            CHECK(number == 1);
        });
    }

    TEST_CASE("throws TimedOut, not before the time is up, and says how long that was") {
        run_in_loop([] {
            const std::int64_t begin = now();
            try {
                with_timeout(2ms, wait_for_ever);
                FAIL("did not time out");
            } catch (const TimedOut& error) {
                CHECK(std::string(error.what()) == "after 0.002 s: timed out");
                CHECK(error.code() == std::errc::timed_out);
            }
            CHECK(now() - begin >= 2'000'000);
        });
    }

    TEST_CASE("lets exceptions of the function pass, also when they come late") {
        run_in_loop([] {
            CHECK_THROWS_WITH(with_timeout(1h, [] { throw std::runtime_error("oops"); }), "oops");
            CHECK_THROWS_WITH(with_timeout(1ms,
                                           [] {
                                               try {
                                                   wait_for_ever();
                                               } catch (const Cancelled&) {
                                                   throw std::runtime_error("clean-up failed");
                                               }
                                           }),
                              "clean-up failed");
        });
    }

    TEST_CASE("the value counts if the function returned, however late") {
        run_in_loop([] {
            CHECK(with_timeout(1ms, [] {
                      compute(5ms);
                      return 1;
                  }) == 1);
            CHECK(with_timeout(1ms, [] {
                      try {
                          wait_for_ever();
                      } catch (const Cancelled&) {
                      }
                      return 2;
                  }) == 2);
        });
    }

    TEST_CASE("zero and less end the first wait of the function, which is still called") {
        run_in_loop([] {
            for (const auto duration : {0ns, -1ns, std::chrono::nanoseconds::min()}) {
                bool called = false;
                CHECK_THROWS_AS(with_timeout(duration,
                                             [&] {
                                                 called = true;
                                                 co_sleep_ns(0);
                                             }),
                                TimedOut);
                CHECK(called);
                CHECK(with_timeout(duration, [] { return 3; }) == 3);
            }
        });
    }

    TEST_CASE("the longest time never passes") {
        run_in_loop([] {
            CHECK(with_timeout(std::chrono::hours::max(), [] {
                      co_sleep(1ms);
                      return 4;
                  }) == 4);
        });
    }

    TEST_CASE("an inner timeout leaves the outer one alone") {
        run_in_loop([] {
            CHECK(with_timeout(1h, [] {
                      CHECK_THROWS_AS(with_timeout(1ms, wait_for_ever), TimedOut);
                      co_sleep(1ms);  // not cancelled any more
                      return 5;
                  }) == 5);
        });
    }

    TEST_CASE("an outer timeout ends the inner one and is the one that throws") {
        run_in_loop([] {
            bool inner_threw = false;
            CHECK_THROWS_WITH(with_timeout(3ms,
                                           [&] {
                                               try {
                                                   with_timeout(1h, wait_for_ever);
                                               } catch (const TimedOut&) {
                                                   inner_threw = true;
                                                   throw;
                                               }
                                           }),
                              "after 0.003 s: timed out");
            CHECK(!inner_threw);
        });
    }

    TEST_CASE("when both pass at once the outer one throws") {
        run_in_loop([] {
            CHECK_THROWS_WITH(with_timeout(2ms,
                                           [] {
                                               with_timeout(1ms, [] {
                                                   compute(5ms);
                                                   co_sleep(1h);
                                               });
                                           }),
                              "after 0.002 s: timed out");
        });
    }

    TEST_CASE("an outer timeout of zero cancels an inner one from the start") {
        run_in_loop([] {
            CHECK_THROWS_WITH(with_timeout(0s, [] { with_timeout(1h, wait_for_ever); }),
                              "after 0 s: timed out");
        });
    }

    TEST_CASE("Cancelled that was swallowed is thrown again by the next wait") {
        run_in_loop([] {
            int swallowed = 0;
            CHECK_THROWS_AS(with_timeout(1ms,
                                         [&] {
                                             for (int i = 0; i < 3; ++i) {
                                                 try {
                                                     wait_for_ever();
                                                 } catch (const Cancelled&) {
                                                     ++swallowed;
                                                 }
                                             }
                                             co_sleep(1h);
                                         }),
                            TimedOut);
            CHECK(swallowed == 3);
            co_sleep(1ms);  // outside the scope it is over
        });
    }

    TEST_CASE("a wait whose end and deadline come in one turn ends as what came first") {
        run_in_loop([] {
            bool in_time = false;  // the end comes; the machine may have had other things to do
            for (auto limit = 2ms; !in_time; limit *= 2) {
                coloop::CoQueue queue;
                TaskGroup group;
                bool woken = false;
                group.spawn([&] { woken = move_on_after(limit, [&] { queue.wait(); }); });
                co_sleep_ns(0);
                in_time = queue.wake_one();
                compute(2 * limit);  // the deadline passes before the woken coroutine runs
                group.wait();
                CHECK(woken == in_time);
            }
        });
    }

    TEST_CASE("leaves a lock free and a queue empty") {
        run_in_loop([] {
            coloop::CoMutex mutex;
            coloop::CoQueue queue;
            coloop::CoSemaphore semaphore(1);
            mutex.lock();
            semaphore.acquire();
            TaskGroup group;
            group.spawn([&] {
                CHECK_THROWS_AS(with_timeout(1ms, [&] { const std::lock_guard held(mutex); }),
                                TimedOut);
                CHECK_THROWS_AS(with_timeout(1ms, [&] { semaphore.acquire(); }), TimedOut);
                CHECK_THROWS_AS(with_timeout(1ms, [&] { queue.wait(); }), TimedOut);
            });
            group.wait();
            CHECK(queue.empty());
            CHECK(!queue.wake_one());
            mutex.unlock();
            CHECK(mutex.try_lock());
            mutex.unlock();
            semaphore.release();
            CHECK(semaphore.available() == 1);
        });
    }

    TEST_CASE("a timeout around a condition holds the lock again when it throws") {
        run_in_loop([] {
            coloop::CoMutex mutex;
            coloop::CoQueue queue;
            std::unique_lock lock(mutex);
            CHECK_THROWS_AS(with_timeout(1ms, [&] { queue.wait(lock); }), TimedOut);
            CHECK(mutex.held_by_me());
        });
    }

    TEST_CASE("leaves no deadline behind, so that the loop ends at once") {
        coloop::Loop loop;
        bool awaited = true;
        loop.spawn([&] {
            for (int i = 0; i < 100; ++i) {
                with_timeout(1h, [] { co_sleep_ns(0); });
            }
            CHECK_THROWS_WITH(with_timeout(1h, [] { throw std::runtime_error("oops"); }), "oops");
            co_sleep_ns(0);
            awaited = timer_is_awaited(coloop::Loop::current_uv());
        });
        const std::int64_t begin = now();
        CHECK(loop.run());
        CHECK(!awaited);
        CHECK(now() - begin < 3'600'000'000'000);
    }

    TEST_CASE("is misuse outside a coroutine") {
        coloop::expect_misuse([] { with_timeout(1s, [] {}); },
                              "outside a coroutine; there is nothing to cancel");
    }
}

TEST_SUITE("move_on_after") {
    TEST_CASE("returns an optional, empty if the time was up first") {
        run_in_loop([] {
            CHECK(move_on_after(1h, [] { return 1; }) == 1);
            CHECK(move_on_after(1ms, [] {
                      wait_for_ever();
                      return 1;
                  }) == std::nullopt);
            CHECK(move_on_after(1ms, [] {
                      compute(3ms);
                      return 2;
                  }) == 2);
        });
    }

    TEST_CASE("returns whether a function without a value ended in time") {
        run_in_loop([] {
            CHECK(move_on_after(1h, [] { co_sleep_ns(0); }));
            CHECK(!move_on_after(1ms, wait_for_ever));
            CHECK(!move_on_after(0s, wait_for_ever));
        });
    }

    TEST_CASE("passes exceptions on, and Cancelled of an outer scope, too") {
        run_in_loop([] {
            CHECK_THROWS_WITH(move_on_after(1h, [] { throw std::runtime_error("oops"); }), "oops");
            bool went_on = false;
            CHECK_THROWS_AS(with_timeout(1ms,
                                         [&] {
                                             move_on_after(1h, wait_for_ever);
                                             went_on = true;
                                         }),
                            TimedOut);
            CHECK(!went_on);
        });
    }

    TEST_CASE("move_on_at counts to a moment, of whatever unit, also one that has passed") {
        run_in_loop([] {
            const auto soon = std::chrono::steady_clock::now() + 2ms;
            CHECK(!coloop::move_on_at(soon, wait_for_ever));
            CHECK(std::chrono::steady_clock::now() >= soon);

            using Hours = std::chrono::time_point<std::chrono::steady_clock, std::chrono::hours>;
            CHECK(!coloop::move_on_at(std::chrono::steady_clock::time_point::min(), wait_for_ever));
            CHECK(!coloop::move_on_at(Hours::min(), wait_for_ever));
            CHECK(coloop::move_on_at(Hours::max(), [] { co_sleep_ns(0); }));
            CHECK(coloop::move_on_at(std::chrono::steady_clock::time_point::max(),
                                     [] { return 1; }) == 1);
        });
    }
}

TEST_SUITE("TimeoutScope::restart") {
    TEST_CASE("begins the time anew, as often as it is called, and no more than that") {
        coloop::testing::run_test([] {
            coloop::TimeoutScope scope(coloop::saturated_ns(3ms));
            std::int64_t last = 0;
            const bool in_time = scope.run([&] {
                for (int i = 0; i < 100; ++i) {
                    co_sleep(2ms);
                    scope.restart();
                    last = now();
                    CHECK(coloop::time_left() == 3ms);
                }
                wait_for_ever();
            });
            CHECK(!in_time);
            CHECK(scope.expired());
            CHECK(now() == last + 3'000'000);
        });
    }

    TEST_CASE("may come from another coroutine, and is too late when the time was up") {
        coloop::testing::run_test([] {
            TaskGroup group;
            coloop::TimeoutScope scope(coloop::saturated_ns(3ms));
            const std::int64_t begin = now();
            group.spawn([&] {
                co_sleep(2ms);
                scope.restart();
            });
            CHECK(!scope.run(wait_for_ever));
            CHECK(now() == begin + 5'000'000);
            scope.restart();
            CHECK(scope.cancelled());
            CHECK_THROWS_AS(co_sleep(1ms), Cancelled);
        });
    }

    TEST_CASE("is too late for a time that ends in the turn in which it is called") {
        coloop::testing::run_test([] {
            TaskGroup group;
            std::optional<coloop::TimeoutScope> scope;
            group.spawn([&] {
                co_sleep(3ms);
                CHECK(scope->expired());  // by the same look at the clock that ended the sleep
                scope->restart();
            });
            coloop::checkpoint();
            scope.emplace(coloop::saturated_ns(3ms));
            CHECK(!scope->run(wait_for_ever));
            scope.reset();
        });
    }

    TEST_CASE("is in time as long as the loop has not looked at the clock") {
        run_in_loop([] {
            constexpr auto length = 5ms;
            for (bool looked_in_time = false; !looked_in_time;) {
                coloop::TimeoutScope scope(coloop::saturated_ns(length));
                compute(length);
                const std::int64_t begin = now();
                scope.restart();
                scope.run([] { co_sleep_ns(0); });
                const bool expired = scope.expired();
                looked_in_time = now() < begin + coloop::saturated_ns(length);
                CHECK_FALSE((expired && looked_in_time));
            }
        });
    }

    TEST_CASE("does not make an endless time end") {
        coloop::testing::run_test([] {
            coloop::TimeoutScope scope(coloop::saturated_ns(std::chrono::hours::max()));
            scope.restart();
            CHECK(scope.run([] { co_sleep(1h); }));
        });
    }
}

TEST_SUITE("uncancellable") {
    TEST_CASE("lets a clean-up wait although its coroutine is cancelled") {
        run_in_loop([] {
            bool cleaned_up = false;
            CHECK_THROWS_AS(with_timeout(1ms,
                                         [&] {
                                             try {
                                                 wait_for_ever();
                                             } catch (const Cancelled&) {
                                                 uncancellable([&] {
                                                     co_sleep(2ms);
                                                     cleaned_up = true;
                                                 });
                                                 throw;
                                             }
                                         }),
                            TimedOut);
            CHECK(cleaned_up);
        });
    }

    TEST_CASE("puts a cancellation off to the first wait after it") {
        run_in_loop([] {
            int steps = 0;
            CHECK(!move_on_after(1ms, [&] {
                CHECK(uncancellable([&] {
                          co_sleep(5ms);
                          return ++steps;
                      }) == 1);
                co_sleep_ns(0);
                ++steps;
            }));
            CHECK(steps == 1);
        });
    }

    TEST_CASE("a timeout inside it works") {
        run_in_loop([] {
            CHECK(!move_on_after(1ms, [] {
                uncancellable([] {
                    co_sleep(3ms);
                    CHECK_THROWS_AS(with_timeout(1ms, wait_for_ever), TimedOut);
                    CHECK(!move_on_after(1ms, wait_for_ever));
                });
                wait_for_ever();
            }));
        });
    }
}

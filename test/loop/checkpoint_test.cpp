// SPDX-License-Identifier: MIT
#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include <coloop/co_queue.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/expect_misuse.hpp"
#include "support/loop_turns.hpp"
#include "support/run_in_loop.hpp"

using namespace std::chrono_literals;

using coloop::Cancelled;
using coloop::CancelScope;
using coloop::checkpoint;
using coloop::Coroutine;
using coloop::run_in_loop;
using coloop::TaskGroup;
using coloop::time_left;

TEST_SUITE("checkpoint") {
    TEST_CASE("lets all run that are ready, in their order, and then goes on") {
        run_in_loop([] {
            std::string order;
            TaskGroup group;
            for (const char name : {'a', 'b', 'c'}) {
                group.spawn([&order, name] {
                    for (int i = 0; i < 3; ++i) {
                        order += name;
                        checkpoint();
                    }
                });
            }
            checkpoint();
            CHECK(order == "abc");
            group.wait();
            CHECK(order == "abcabcabc");
        });
    }

    TEST_CASE("lets the loop poll after 256 of them at the latest") {
        run_in_loop([] {
            const coloop::LoopTurns turns;
            for (int i = 0; i < 10 * 256; ++i) {
                checkpoint();
            }
            CHECK(turns.count() >= 10);
        });
    }

    TEST_CASE("throws if the coroutine is cancelled before, and lets nobody run then") {
        run_in_loop([] {
            bool ran = false;
            TaskGroup group;
            group.spawn([&] { ran = true; });
            CancelScope scope;
            scope.cancel();
            CHECK_THROWS_AS(checkpoint(), Cancelled);
            CHECK_THROWS_AS(checkpoint(), Cancelled);
            CHECK(!ran);
        });
    }

    TEST_CASE("throws if the coroutine is cancelled by those who run meanwhile") {
        run_in_loop([] {
            TaskGroup group;
            bool went_on = false;
            group.spawn([&] {
                checkpoint();
                went_on = true;
            });
            group.spawn([&] { group.cancel(); });
            group.wait();
            CHECK(!went_on);
        });
    }

    TEST_CASE("in a shield does not throw") {
        run_in_loop([] {
            CancelScope scope;
            scope.cancel();
            coloop::uncancellable([] { checkpoint(); });
            CHECK_THROWS_AS(checkpoint(), Cancelled);
        });
    }

    TEST_CASE("a computation that has checkpoints is ended by its timeout") {
        run_in_loop([] {
            CHECK(!coloop::move_on_after(1ms, [] {
                for (;;) {
                    checkpoint();
                }
            }));
        });
    }

    TEST_CASE("is not a wait: a wake meanwhile goes to those who wait") {
        run_in_loop([] {
            coloop::CoQueue queue;
            TaskGroup group;
            group.spawn([&] { CHECK(!queue.wake_one()); });
            checkpoint();
        });
    }

    TEST_CASE("without a loop lets the others run when the outermost enter is about to return") {
        std::string order;
        Coroutine first([&] {
            order += 'a';
            checkpoint();
            order += 'c';
        });
        Coroutine outer([&] {
            first.enter();
            order += 'b';
        });
        outer.enter();
        CHECK(order == "abc");
        CHECK(first.done());
    }

    TEST_CASE("outside a coroutine is misuse, and check_cancelled is not") {
        coloop::check_cancelled();
        coloop::expect_misuse([] { checkpoint(); }, "cannot wait (checkpoint) outside a coroutine");
    }
}

TEST_SUITE("time_left") {
    TEST_CASE("is nothing where no timeout is set") {
        CHECK(time_left() == std::nullopt);
        run_in_loop([] {
            CHECK(time_left() == std::nullopt);
            const CancelScope scope;
            CHECK(time_left() == std::nullopt);
        });
        Coroutine without_loop([] { CHECK(time_left() == std::nullopt); });
        without_loop.enter();
    }

    TEST_CASE("is what the timeout leaves, and less each time") {
        run_in_loop([] {
            coloop::with_timeout(1h, [] {
                const auto left = time_left();
                REQUIRE(left.has_value());
                CHECK(*left <= 1h);
                CHECK(*left > 30min);
                coloop::co_sleep(1ms);
                CHECK(*time_left() <= *left - 1ms);
            });
            CHECK(time_left() == std::nullopt);
        });
    }

    TEST_CASE("is the least of all timeouts around, whichever is inside") {
        run_in_loop([] {
            coloop::with_timeout(1h, [] {
                coloop::with_timeout(3h, [] { CHECK(*time_left() <= 1h); });
                coloop::with_timeout(10min, [] { CHECK(*time_left() <= 10min); });
                const CancelScope scope;
                CHECK(*time_left() > 30min);
            });
        });
    }

    TEST_CASE("does not count what a shield keeps out") {
        run_in_loop([] {
            coloop::with_timeout(1h, [] {
                coloop::uncancellable([] {
                    CHECK(time_left() == std::nullopt);
                    coloop::with_timeout(3h, [] { CHECK(*time_left() > 2h); });
                });
            });
        });
    }

    TEST_CASE("counts a timeout around a group for its coroutines, and theirs for nobody else") {
        run_in_loop([] {
            coloop::with_timeout(1h, [] {
                TaskGroup group;
                group.spawn([] {
                    CHECK(*time_left() <= 1h);
                    coloop::with_timeout(10min, [] {
                        checkpoint();
                        CHECK(*time_left() <= 10min);
                    });
                });
                group.spawn([] { CHECK(*time_left() > 30min); });
                group.wait();
            });
        });
    }

    TEST_CASE("is zero when time is up and for who is cancelled otherwise, but not in a shield") {
        run_in_loop([] {
            coloop::move_on_after(0s, [] { CHECK(*time_left() == 0ns); });
            coloop::move_on_after(1ns, [] {
                while (*time_left() > 0ns) {
                }
            });
            CancelScope scope;
            scope.cancel();
            CHECK(*time_left() == 0ns);
            coloop::with_timeout(1h, [] { CHECK(*time_left() == 0ns); });
            coloop::uncancellable([] { CHECK(time_left() == std::nullopt); });
        });
    }

    TEST_CASE("of the longest timeout does not overflow") {
        run_in_loop([] {
            coloop::with_timeout(std::chrono::nanoseconds::max(),
                                 [] { CHECK(*time_left() > std::chrono::hours(24 * 365)); });
        });
    }
}

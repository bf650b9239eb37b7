// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include <coloop/after.hpp>
#include <coloop/select.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/bystander.hpp"
#include "support/expect_misuse.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

TEST_SUITE("select on a loop") {
    TEST_CASE("a deadline ends a select, and not early") {
        run_in_loop([] {
            Channel<int> channel;
            const Steady::time_point begin = Steady::now();
            const std::string seen =
                select(receive(channel, [](std::optional<int>) { return "received"; }),
                       after(5ms, [] { return "late"; }));
            CHECK(seen == "late");
            CHECK(Steady::now() - begin >= 5ms);
            const Steady::time_point moment = Steady::now() + 5ms;
            select(receive(channel, [](std::optional<int>) {}), until(moment, [] {}));
            CHECK(Steady::now() >= moment);
            CHECK_FALSE(channel.try_send(1));
        });
    }

    TEST_CASE("what comes before the deadline ends the select, and the deadline is forgotten") {
        run_in_loop([] {
            Channel<int> channel;
            Bystander sends([&] { channel.send(1); });
            CHECK(select(receive(channel, [](std::optional<int> value) { return *value; }),
                         after(1h, [] { return -1; })) == 1);
            // A function that outlives the deadline is not disturbed by it.
            for (bool woken = false; !woken;) {  // again if the machine was too slow
                Event event;
                Bystander sets([&] { event.set(); }, 0);
                select(wait(event,
                            [&] {
                                co_sleep(3ms);
                                woken = true;
                            }),
                       after(1ms, [] {}));
            }
        });
    }

    TEST_CASE("a deadline that has passed is one of those that can happen at once") {
        run_in_loop([] {
            Event event;
            CHECK(select(wait(event, [] { return 'e'; }), after(0s, [] { return 'd'; })) == 'd');
            CHECK(select(wait(event, [] { return 'e'; }), after(-1h, [] { return 'd'; })) == 'd');
            CHECK(select(until(Steady::now(), [] { return 'd'; }), otherwise([] { return '-'; })) ==
                  'd');
            CHECK(select(after(1h, [] { return 'd'; }), otherwise([] { return '-'; })) == '-');
            event.set();
            std::string seen;
            seed_select(1);
            for (int i = 0; i < 100; ++i) {
                seen += select(wait(event, [] { return 'e'; }), after(0s, [] { return 'd'; }));
            }
            CHECK(seen.find('e') != std::string::npos);
            CHECK(seen.find('d') != std::string::npos);
        });
    }

    TEST_CASE("of two deadlines the earlier ends the select") {
        run_in_loop([] {
            CHECK(select(after(1h, [] { return 1; }), after(1ms, [] { return 2; })) == 2);
            CHECK(select(after(1ms, [] { return 1; }).when(false), after(2ms, [] { return 2; })) ==
                  2);
        });
    }

    TEST_CASE("a cancelled select forgets its deadline, before and while it waits") {
        run_in_loop([] {
            Channel<int> channel;
            Bystander selects(
                [&] { select(receive(channel, [](std::optional<int>) {}), after(1h, [] {})); });
            selects.cancel();
            CHECK(selects.outcome() == "cancelled");
            const bool in_time = move_on_after(
                0s, [&] { select(receive(channel, [](std::optional<int>) {}), after(1h, [] {})); });
            CHECK_FALSE(in_time);
            CHECK_FALSE(channel.try_send(1));
        });
    }

    TEST_CASE("a timeout around a select and a deadline in it end it once") {
        for (int i = 0; i < 20; ++i) {
            run_in_loop([] {
                Event event;
                int late = 0;
                const bool in_time = move_on_after(
                    1ms, [&] { select(wait(event, [] {}), after(1ms, [&] { ++late; })); });
                CHECK(in_time == (late == 1));
            });
        }
    }

    TEST_CASE("a task that ends is joined by a select, and its result handed on") {
        run_in_loop([] {
            Event never;
            TaskGroup group;
            Task<int> number = group.spawn([] { return 5; });
            Task<> nothing = group.spawn([] {});
            const auto pick = [&] {
                return select(wait(never, [] { return -1; }),
                              wait(number, [](int value) { return value; }).when(number.joinable()),
                              wait(nothing, [] { return 0; }).when(nothing.joinable()));
            };
            CHECK(pick() + pick() == 5);
            CHECK_FALSE(number.joinable());
            CHECK_FALSE(nothing.joinable());
        });
    }

    TEST_CASE("a task that was joined may be a case that is not enabled, in a select that waits") {
        run_in_loop([] {
            TaskGroup group;
            Task<> task = group.spawn([] {});
            task.join();
            CHECK(select(wait(task, [] { return 1; }).when(task.joinable()),
                         after(1ms, [] { return 2; })) == 2);
        });
    }

    TEST_CASE("a task that failed or was cancelled makes the select throw what join throws") {
        run_in_loop([] {
            TaskGroup group;
            Task<int> fails = group.spawn([]() -> int { throw std::string("failed"); });
            bool thrown = false;
            uncancellable([&] {
                try {
                    select(wait(fails, [](int) {}), after(1h, [] {}));
                } catch (const std::string& text) {
                    thrown = text == "failed";
                }
            });
            CHECK(thrown);
        });
    }

    TEST_CASE("a task goes on that a select did not wait for to the end") {
        run_in_loop([] {
            Event go;
            TaskGroup group;
            Task<int> task = group.spawn([&] {
                go.wait();
                return 3;
            });
            Event first;
            first.set();
            select(wait(task, [](int) {}), wait(first, [] {}));
            select(wait(task, [](int) {}), after(1ms, [] {}));
            const bool in_time = move_on_after(1ms, [&] { select(wait(task, [](int) {})); });
            CHECK_FALSE(in_time);
            CHECK(task.joinable());
            go.set();
            CHECK(task.join() == 3);
        });
    }

    TEST_CASE("a select of an empty Task is misuse") {
        expect_misuse(
            [] {
                Task<> none;
                select(wait(none, [] {}));
            },
            "join: this Task is empty");
    }

    TEST_CASE("a deadline in a select where there is no loop is misuse") {
        expect_misuse([] { select(after(1s, [] {})); },
                      "cannot select with a deadline outside a coroutine");
    }
}

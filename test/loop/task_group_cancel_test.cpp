// SPDX-License-Identifier: MIT
#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/run_in_loop.hpp"
#include "support/waiting.hpp"

using namespace std::chrono_literals;

using coloop::Cancelled;
using coloop::co_sleep;
using coloop::co_sleep_ns;
using coloop::Inside;
using coloop::run_in_loop;
using coloop::TaskGroup;
using coloop::wait_for_ever;

TEST_SUITE("TaskGroup cancelled") {
    TEST_CASE("what is spawned after cancel runs until its first wait") {
        run_in_loop([] {
            TaskGroup group;
            group.cancel();
            std::string steps;
            group.spawn([&] {
                steps += 'a';
                co_sleep_ns(0);
                steps += 'b';
            });
            group.wait();
            CHECK(steps == "a");
            CHECK(group.failures().empty());
        });
    }

    TEST_CASE("cancel from inside the group cancels the caller, too") {
        run_in_loop([] {
            TaskGroup group;
            bool went_on = false;
            group.spawn([&] {
                group.cancel();
                co_sleep_ns(0);
                went_on = true;
            });
            group.wait();
            CHECK(!went_on);
        });
    }

    TEST_CASE("wait passes on the cancellation of the owner and throws once all have ended") {
        run_in_loop([] {
            int inside = 0;
            TaskGroup outer;
            bool cancelled = false;
            outer.spawn([&] {
                TaskGroup inner;
                inner.spawn([&] {
                    const Inside here(inside);
                    try {
                        wait_for_ever();
                    } catch (const Cancelled&) {
                        coloop::uncancellable([] { co_sleep(1ms); });
                        throw;
                    }
                });
                try {
                    inner.wait();
                } catch (const Cancelled&) {
                    cancelled = inside == 0;
                    throw;
                }
            });
            co_sleep_ns(0);
            co_sleep_ns(0);
            CHECK(inside == 1);
            outer.cancel();
            outer.wait();
            CHECK(cancelled);
        });
    }

    TEST_CASE("groups nest, and cancelling one reaches all below it and none beside it") {
        run_in_loop([] {
            int inside = 0;
            const auto stay = [&inside] {
                const Inside here(inside);
                wait_for_ever();
            };
            TaskGroup left;
            TaskGroup right;
            for (TaskGroup* group : {&left, &right}) {
                group->spawn([&] {
                    TaskGroup below;
                    below.spawn([&] {
                        TaskGroup lowest;
                        lowest.spawn(stay);
                        lowest.wait();
                    });
                    below.spawn(stay);
                    below.wait();
                });
            }
            for (int i = 0; i < 5; ++i) {
                co_sleep_ns(0);
            }
            CHECK(inside == 4);
            left.cancel();
            left.wait();
            CHECK(inside == 2);
            CHECK(right.size() == 1);
        });
    }

    TEST_CASE("one that ignores Cancelled once is told again by its next wait") {
        run_in_loop([] {
            int told = 0;
            TaskGroup group;
            group.spawn([&] {
                for (;;) {
                    try {
                        co_sleep(1h);
                    } catch (const Cancelled&) {
                        if (++told == 2) {
                            throw;
                        }
                    }
                }
            });
            co_sleep_ns(0);
            group.cancel();
            group.wait();
            CHECK(told == 2);
        });
    }

    TEST_CASE("a timeout around a group ends it as a whole") {
        run_in_loop([] {
            int inside = 0;
            CHECK_THROWS_AS(coloop::with_timeout(2ms,
                                                 [&] {
                                                     TaskGroup group;
                                                     for (int i = 0; i < 10; ++i) {
                                                         group.spawn([&] {
                                                             const Inside here(inside);
                                                             wait_for_ever();
                                                         });
                                                     }
                                                     group.wait();
                                                 }),
                            coloop::TimedOut);
            CHECK(inside == 0);
        });
    }

    TEST_CASE("a timeout in the owner after the group was made does not reach the group") {
        run_in_loop([] {
            TaskGroup group;
            bool ended = false;
            group.spawn([&] {
                co_sleep(4ms);
                ended = true;
            });
            CHECK(!coloop::move_on_after(1ms, [] { co_sleep(1h); }));
            CHECK(group.size() == 1);
            group.wait();
            CHECK(ended);
        });
    }

    TEST_CASE("a group made inside a shield is not cancelled from outside of it") {
        run_in_loop([] {
            bool ended = false;
            CHECK(!coloop::move_on_after(1ms, [&] {
                coloop::uncancellable([&] {
                    TaskGroup group;
                    group.spawn([&] {
                        co_sleep(4ms);
                        ended = true;
                    });
                    group.wait();
                });
                co_sleep_ns(0);
            }));
            CHECK(ended);
        });
    }
}

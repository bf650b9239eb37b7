// SPDX-License-Identifier: MIT
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/bystander.hpp"
#include "support/death.hpp"
#include "support/expect_misuse.hpp"
#include "support/run_in_loop.hpp"
#include "support/waiting.hpp"

using namespace std::chrono_literals;

using coloop::Bystander;
using coloop::Cancelled;
using coloop::CancelScope;
using coloop::checkpoint;
using coloop::co_sleep;
using coloop::CoQueue;
using coloop::let_others_run;
using coloop::run_in_loop;
using coloop::Task;
using coloop::TaskGroup;
using coloop::wait_for_ever;

namespace {

/// What an Error thrown by `function()` says; fails the test if there is none.
template <typename Function>
std::string error_of(Function&& function) {
    try {
        function();
    } catch (const coloop::Error& error) {
        CHECK(error.code() == std::errc::operation_canceled);
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_SUITE("Task") {
    TEST_CASE("join returns what the function returns, however long that takes") {
        run_in_loop([] {
            TaskGroup group;
            int number = 0;
            Task<int> at_once = group.spawn([] { return 1; });
            Task<std::unique_ptr<int>> later = group.spawn([] {
                co_sleep(1ms);
                return std::make_unique<int>(2);
            });
            Task<int&> reference = group.spawn([&]() -> int& { return number; });
            Task<> nothing = group.spawn([] { checkpoint(); });
            CHECK(*later.join() == 2);
            CHECK(at_once.done());
            CHECK(at_once.join() == 1);
            CHECK(&reference.join() == &number);
            nothing.join();
            CHECK(nothing.done());
        });
    }

    TEST_CASE("join throws what leaves the function, and the failure cancels the group") {
        run_in_loop([] {
            TaskGroup group;
            Task<int> bad = group.spawn([]() -> int { throw std::runtime_error("oops"); });
            Task<> sibling = group.spawn(wait_for_ever, {.name = "sibling"});
            CHECK_THROWS_WITH(bad.join(), "oops");
            CHECK(error_of([&] { sibling.join(); }) == "join task \"sibling\": operation canceled");
            CHECK_THROWS_WITH(group.wait(), "oops");
        });
    }

    TEST_CASE("cancel cancels one coroutine, which is no failure of the group") {
        run_in_loop([] {
            TaskGroup group;
            Task<> first = group.spawn(wait_for_ever);
            Task<int> second = group.spawn([] {
                co_sleep(2ms);
                return 2;
            });
            let_others_run();
            first.cancel();
            CHECK(!first.done());
            CHECK(error_of([&] { first.join(); }) == "join a task: operation canceled");
            CHECK(second.join() == 2);
            group.wait();
            CHECK(group.failures().empty());
            first.cancel();  // has ended
        });
    }

    TEST_CASE("cancelled before it begins, a task runs until its first wait") {
        run_in_loop([] {
            TaskGroup group;
            std::string steps;
            Task<> task = group.spawn([&] {
                steps += 'a';
                checkpoint();
                steps += 'b';
            });
            task.cancel();
            CHECK(error_of([&] { task.join(); }) == "join a task: operation canceled");
            CHECK(steps == "a");
        });
    }

    TEST_CASE("a result that comes in spite of the cancelling counts") {
        run_in_loop([] {
            TaskGroup group;
            Task<int> task = group.spawn([] {
                try {
                    wait_for_ever();
                } catch (const Cancelled&) {
                }
                return 3;
            });
            let_others_run();
            task.cancel();
            CHECK(task.join() == 3);
        });
    }

    TEST_CASE("a Cancelled that nobody asked for is an error to who joins") {
        run_in_loop([] {
            TaskGroup group;
            Task<> task = group.spawn([] { throw Cancelled(); });
            CHECK(error_of([&] { task.join(); }) == "join a task: operation canceled");
            CHECK_THROWS_AS(group.wait(), Cancelled);
        });
    }

    TEST_CASE("a cancelled joiner leaves the task alone, and it can be joined later") {
        run_in_loop([] {
            TaskGroup group;
            CoQueue gate;
            Task<int> task = group.spawn([&] {
                gate.wait();
                return 4;
            });
            Bystander joiner([&] { task.join(); });
            joiner.cancel();
            CHECK(joiner.outcome() == "cancelled");
            CHECK_THROWS_AS(coloop::with_timeout(1ms, [&] { task.join(); }), coloop::TimedOut);
            CHECK_THROWS_AS(coloop::with_timeout(0s, [&] { task.join(); }), coloop::TimedOut);
            CHECK(task.joinable());
            gate.wake_one();
            CHECK(task.join() == 4);
        });
    }

    TEST_CASE(
        "of the end of a task and the cancelling of its joiner in one turn the first counts") {
        run_in_loop([] {
            for (const bool end_first : {true, false}) {
                TaskGroup group;
                CoQueue gate;
                std::optional<Bystander> joiner;
                Task<int> task = group.spawn([&] {
                    gate.wait();
                    if (end_first) {  // runs when this has ended, before its joiner does
                        group.spawn([&] { joiner->cancel(); });
                    }
                    return 5;
                });
                int result = 0;
                joiner.emplace([&] { result = task.join(); });
                gate.wake_one();
                if (!end_first) {
                    joiner->cancel();
                }
                CHECK(joiner->outcome() == (end_first ? "" : "cancelled"));
                CHECK(result == (end_first ? 5 : 0));
                CHECK(task.joinable() != end_first);
                if (!end_first) {
                    CHECK(task.join() == 5);
                }
            }
        });
    }

    TEST_CASE("an ignored result is thrown away, and so is one whose Task was destroyed") {
        run_in_loop([] {
            auto token = std::make_shared<int>(1);
            TaskGroup group;
            group.spawn([token] { return token; });
            {
                const Task<std::shared_ptr<int>> task = group.spawn([token] { return token; });
            }
            {
                const Task<std::shared_ptr<int>> task = group.spawn([token] { return token; });
                group.wait();
                CHECK(token.use_count() == 2);  // never joined
            }
            CHECK(token.use_count() == 1);
        });
    }

    TEST_CASE("a Task may be moved before and after the end, and outlive its group") {
        run_in_loop([] {
            std::vector<Task<int>> tasks;
            std::optional<Task<int>> last;
            {
                TaskGroup group;
                for (int i = 0; i < 100; ++i) {
                    tasks.push_back(group.spawn([i] {
                        checkpoint();
                        return i;
                    }));
                }
                Task<int> moved = std::move(tasks.front());
                CHECK(!tasks.front().joinable());
                CHECK(!tasks.front().done());
                tasks.front() = std::move(moved);
                last = group.spawn([] {
                    wait_for_ever();
                    return 0;
                });
                for (int i = 0; i < 50; ++i) {
                    CHECK(tasks[static_cast<std::size_t>(i)].join() == i);
                }
                checkpoint();  // so that the others end, too
            }
            for (int i = 50; i < 100; ++i) {
                Task<int> task = std::move(tasks[static_cast<std::size_t>(i)]);
                CHECK(task.join() == i);
            }
            CHECK(error_of([&] { last->join(); }) == "join a task: operation canceled");
        });
    }

    TEST_CASE("many may wait for one group while each joins its own") {
        run_in_loop([] {
            TaskGroup group;
            TaskGroup joiners;
            int sum = 0;
            for (int i = 1; i <= 100; ++i) {
                joiners.spawn([&sum, task = group.spawn([i] {
                    co_sleep(std::chrono::microseconds(i * 37 % 100));
                    return i;
                })]() mutable { sum += task.join(); });
            }
            joiners.wait();
            CHECK(sum == 5050);
        });
    }

    TEST_CASE("who joins says for whom it waits") {
        const coloop::Death death = coloop::die([] {
            coloop::Loop loop;
            loop.spawn(
                [] {
                    TaskGroup group;
                    group.spawn(wait_for_ever, {.name = "slow"}).join();
                },
                {.name = "main"});
            loop.run();
        });
        CHECK(doctest::String(death.words.c_str()) == doctest::Contains(": join task \"slow\"\n"));
    }

    TEST_CASE("joining what can't be joined is misuse") {
        coloop::expect_misuse(
            [] {
                run_in_loop([] {
                    TaskGroup group;
                    Task<> task = group.spawn([] {});
                    task.join();
                    task.join();
                });
            },
            "join: this Task is empty, because it was moved from, joined already, or");
        coloop::expect_misuse([] { run_in_loop([] { Task<>().join(); }); },
                              "join: this Task is empty");
        coloop::expect_misuse(
            [] {
                run_in_loop([] {
                    TaskGroup group;
                    Task<> task;
                    task = group.spawn([&] { task.join(); }, {.name = "snake"});
                    group.wait();
                });
            },
            "join: coroutine \"snake\" waits for its own end");
        coloop::expect_misuse(
            [] {
                run_in_loop([] {
                    TaskGroup group;
                    auto task = std::make_unique<Task<>>(group.spawn(wait_for_ever));
                    const Bystander joiner([&] { task->join(); });
                    task.reset();
                });
            },
            "was destroyed or assigned to while a coroutine waits in its join()");
    }
}

TEST_SUITE("TaskGroupOptions::limit") {
    TEST_CASE("that many run at once, and spawn waits for one to end") {
        run_in_loop([] {
            int inside = 0;
            int most = 0;
            TaskGroup group({.limit = 3});
            for (int i = 0; i < 20; ++i) {
                group.spawn([&, i] {
                    most = std::max(most, ++inside);
                    co_sleep(std::chrono::microseconds(i * 37 % 100));
                    --inside;
                });
                CHECK(group.size() <= 3);
            }
            group.wait();
            CHECK(most == 3);
        });
    }

    TEST_CASE("those who wait to spawn get places in the order of their asking") {
        run_in_loop([] {
            std::string order;
            CoQueue gate;
            TaskGroup group({.limit = 1});
            group.spawn([&] { gate.wait(); });
            TaskGroup spawners;
            for (const char name : {'a', 'b', 'c'}) {
                spawners.spawn([&, name] { group.spawn([&, name] { order += name; }); });
            }
            let_others_run();
            CHECK(group.size() == 1);
            gate.wake_one();
            spawners.wait();
            group.wait();
            CHECK(order == "abc");
        });
    }

    TEST_CASE("who is cancelled while it waits for a place spawns nobody, in both forms") {
        run_in_loop([] {
            bool ran = false;
            CoQueue gate;
            TaskGroup group({.limit = 1});
            group.spawn([&] { gate.wait(); });
            Bystander throwing([&] { group.spawn([&] { ran = true; }); });
            std::string text;
            Bystander returning([&] {
                const auto task = group.spawn([&] { ran = true; }, {.name = "x"}, std::nothrow);
                REQUIRE(!task);
                CHECK(task.error().code() == coloop::Errc::cancelled);
                text = task.error().what();
            });
            throwing.cancel();
            returning.cancel();
            CHECK(throwing.outcome() == "cancelled");
            CHECK(returning.outcome().empty());
            CHECK(text == "spawn x: cancelled");
            CHECK(group.size() == 1);
            gate.wake_one();
            group.wait();
            CHECK(!ran);
            group.spawn([&] { ran = true; });  // the place is free
            group.wait();
            CHECK(ran);
        });
    }

    TEST_CASE("a place that comes in the turn of a cancellation is taken or passed on") {
        run_in_loop([] {
            for (const bool place_first : {true, false}) {
                int ran = 0;
                CoQueue gate;
                TaskGroup group({.limit = 1});
                group.spawn([&] { gate.wait(); });
                Bystander first([&] { group.spawn([&] { ++ran; }); });
                Bystander second([&] { group.spawn([&] { ++ran; }); });
                Bystander director([&] {
                    gate.wake_one();
                    if (place_first) {
                        checkpoint();
                    }
                    first.cancel();
                });
                CHECK(first.outcome() == (place_first ? "" : "cancelled"));
                CHECK(second.outcome().empty());
                group.wait();
                CHECK(ran == (place_first ? 2 : 1));
                director.outcome();
            }
        });
    }

    TEST_CASE("a failure frees the places, and the next spawn throws it") {
        run_in_loop([] {
            TaskGroup group({.limit = 2});
            group.spawn(wait_for_ever);
            group.spawn([] { throw std::runtime_error("oops"); });
            group.spawn([] {});  // waits for a place; then runs cancelled
            CHECK_THROWS_WITH(group.spawn([] {}), "oops");
            CHECK_THROWS_WITH(group.wait(), "oops");
        });
    }

    TEST_CASE("a tree of coroutines that spawn into their own group ends, whatever the limit") {
        for (const std::size_t limit : {1U, 2U, 3U, 200U}) {
            run_in_loop([limit] {
                int count = 0;
                int inside = 0;
                int most = 0;
                TaskGroup group({.limit = limit});
                struct Tree {
                    TaskGroup& group;
                    int& count;
                    int& inside;
                    int& most;

                    void grow(int depth) const {
                        most = std::max(most, ++inside);
                        ++count;
                        checkpoint();
                        --inside;  // spawn lends the place
                        for (int i = 0; i < 2 && depth > 0; ++i) {
                            group.spawn([this, depth] { grow(depth - 1); });
                        }
                    }
                } const tree{group, count, inside, most};
                group.spawn([&] { tree.grow(6); });
                group.wait();
                CHECK(count == 127);
                CHECK(most <= static_cast<int>(limit));
            });
        }
    }

    TEST_CASE("a cancelled member that waits for its place goes on without one") {
        run_in_loop([] {
            CoQueue gate;
            TaskGroup group({.limit = 1});
            bool spawned = false;
            Task<> member = group.spawn([&] {
                group.spawn([&] { gate.wait(); });
                spawned = true;
                checkpoint();
            });
            let_others_run();
            CHECK(!spawned);
            CHECK(group.size() == 2);
            member.cancel();
            CHECK(error_of([&] { member.join(); }) == "join a task: operation canceled");
            CHECK(spawned);
            gate.wake_one();
            group.wait();
            Task<int> after = group.spawn([] { return 1; });  // exactly one place came back
            Bystander second([&] { group.spawn([] {}); });
            CHECK(after.join() == 1);
            CHECK(second.outcome().empty());
        });
    }

    TEST_CASE("spawning without a stack gives the place back") {
        run_in_loop([] {
            TaskGroup group({.limit = 1});
            const auto none =
                group.spawn([] {}, {.stack_size = std::size_t{1} << 62}, std::nothrow);
            CHECK(!none);
            CHECK(group.spawn([] { return 1; }).join() == 1);
        });
    }

    TEST_CASE("of zero is misuse") {
        coloop::expect_misuse([] { run_in_loop([] { const TaskGroup group({.limit = 0}); }); },
                              "a task group with a limit of 0 was made in coroutine \"test\"");
    }
}

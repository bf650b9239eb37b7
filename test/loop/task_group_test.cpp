// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <doctest/doctest.h>

#include <coloop/co_queue.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/death.hpp"
#include "support/expect_misuse.hpp"
#include "support/run_in_loop.hpp"
#include "support/waiting.hpp"

using namespace std::chrono_literals;

using coloop::Cancelled;
using coloop::co_sleep;
using coloop::co_sleep_ns;
using coloop::CoQueue;
using coloop::Inside;
using coloop::run_in_loop;
using coloop::TaskGroup;
using coloop::wait_for_ever;

namespace {

std::string text_of(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        return error.what();
    } catch (const Cancelled&) {
        return "Cancelled";
    }
}

}  // namespace

TEST_SUITE("TaskGroup") {
    TEST_CASE("wait returns when all have ended, and their results are where they wrote them") {
        run_in_loop([] {
            std::vector<int> results(10);
            TaskGroup group;
            for (std::size_t i = 0; i < results.size(); ++i) {
                group.spawn([&, i] {
                    co_sleep_ns(0);
                    results[i] = static_cast<int>(i * i);
                });
            }
            CHECK(group.size() == 10);
            group.wait();
            CHECK(group.size() == 0);
            CHECK(results == std::vector<int>{0, 1, 4, 9, 16, 25, 36, 49, 64, 81});
        });
    }

    TEST_CASE("wait returns at once if there is nobody, and can be called again") {
        run_in_loop([] {
            TaskGroup group;
            group.wait();
            int runs = 0;
            group.spawn([&] { ++runs; });
            group.wait();
            group.spawn([&] { ++runs; });
            group.wait();
            CHECK(runs == 2);
        });
    }

    TEST_CASE("the coroutines begin in the order of their spawning, after the spawner has waited") {
        run_in_loop([] {
            std::string order;
            TaskGroup group;
            for (const char name : {'a', 'b', 'c'}) {
                group.spawn([&, name] { order += name; });
            }
            CHECK(order.empty());
            group.wait();
            CHECK(order == "abc");
        });
    }

    TEST_CASE("what is spawned runs before those that were ready when its spawner stopped") {
        run_in_loop([] {
            std::string order;
            TaskGroup group;
            group.spawn([&] {
                order += 'a';
                group.spawn([&] {
                    order += 'b';
                    group.spawn([&] { order += 'c'; });
                });
                group.spawn([&] { order += 'd'; });
            });
            group.spawn([&] { order += 'e'; });
            group.wait();
            CHECK(order == "abcde");
        });
    }

    TEST_CASE("a tree of coroutines grows branch by branch, so that few are there at once") {
        run_in_loop([] {
            long now = 0;
            long most = 0;
            long leaves = 0;
            const std::function<void(int)> grow = [&](int height) {
                most = std::max(most, ++now);
                TaskGroup group;
                for (int i = 0; i < 10 && height > 0; ++i) {
                    group.spawn([&, height] { grow(height - 1); });
                }
                group.wait();
                leaves += height == 0 ? 1 : 0;
                --now;
            };
            grow(4);
            CHECK(leaves == 10'000);
            CHECK(most == 1 + 4);
        });
    }

    TEST_CASE("those that spawn each other without end starve nobody") {
        run_in_loop([] {
            bool enough = false;
            long spawned = 0;
            TaskGroup group;
            const std::function<void()> go_on = [&] {
                ++spawned;
                if (!enough && spawned % 2 == 0) {
                    group.spawn(go_on);
                } else if (!enough) {
                    coloop::Coroutine inner([&] { group.spawn(go_on); });
                    inner.enter();
                }
            };
            group.spawn(go_on);
            group.spawn([&] { enough = true; });
            group.wait();
            CHECK(spawned <= 66);
        });
    }

    TEST_CASE("the first failure cancels the others and is thrown after all have ended") {
        run_in_loop([] {
            int inside = 0;
            TaskGroup group;
            for (int i = 0; i < 5; ++i) {
                group.spawn([&] {
                    const Inside here(inside);
                    wait_for_ever();
                });
            }
            group.spawn([] {
                co_sleep_ns(0);
                throw std::runtime_error("first");
            });
            CHECK_THROWS_WITH(group.wait(), "first");
            CHECK(inside == 0);
            CHECK(group.failures().size() == 1);
        });
    }

    TEST_CASE("failures has all that failed, in their order, Cancelled aside") {
        run_in_loop([] {
            TaskGroup group;
            group.spawn([] { throw std::runtime_error("first"); });
            group.spawn([] {
                try {
                    wait_for_ever();
                } catch (const Cancelled&) {
                    throw std::logic_error("second");
                }
            });
            group.spawn([] { wait_for_ever(); });
            CHECK_THROWS_WITH(group.wait(), "first");
            REQUIRE(group.failures().size() == 2);
            CHECK(text_of(group.failures()[0]) == "first");
            CHECK(text_of(group.failures()[1]) == "second");
        });
    }

    TEST_CASE("a Cancelled that nobody asked for counts as a failure") {
        run_in_loop([] {
            TaskGroup group;
            group.spawn([] { throw Cancelled(); });
            CHECK_THROWS_AS(group.wait(), Cancelled);
            CHECK(group.failures().size() == 1);
        });
    }

    TEST_CASE("a failed REQUIRE in a coroutine of the group comes out of wait") {
        struct Failed {};  // like doctest's, not a std::exception

        run_in_loop([] {
            TaskGroup group;
            group.spawn([] { throw Failed(); });
            CHECK_THROWS_AS(group.wait(), Failed);
        });
    }

    TEST_CASE("the destructor cancels those that are left and waits until they have ended") {
        run_in_loop([] {
            int inside = 0;
            int slow = 0;
            {
                TaskGroup group;
                group.spawn([&] {
                    const Inside here(inside);
                    wait_for_ever();
                });
                group.spawn([&] {
                    try {
                        wait_for_ever();
                    } catch (const Cancelled&) {
                        coloop::uncancellable([] { co_sleep(2ms); });
                        ++slow;
                        throw;
                    }
                });
                co_sleep_ns(0);
                CHECK(inside == 1);
            }
            CHECK(inside == 0);
            CHECK(slow == 1);
        });
    }

    TEST_CASE("the destructor does so while an exception unwinds, and that goes on") {
        run_in_loop([] {
            int inside = 0;
            CHECK_THROWS_WITH(
                [&] {
                    TaskGroup outer;
                    outer.spawn([&] {
                        const Inside here(inside);
                        wait_for_ever();
                    });
                    TaskGroup group;
                    group.spawn([&] {
                        const Inside here(inside);
                        try {
                            wait_for_ever();
                        } catch (const Cancelled&) {
                            co_sleep_ns(0);
                        }
                    });
                    co_sleep_ns(0);
                    throw std::runtime_error("in the middle");
                }(),
                "in the middle");
            CHECK(inside == 0);
            CHECK(std::uncaught_exceptions() == 0);
        });
    }

    TEST_CASE("the destructor prints the failures that nobody was told of") {
        const coloop::Death death = coloop::die([] {
            run_in_loop([] {
                TaskGroup group;
                group.spawn([] { throw std::runtime_error("not waited for"); });
                co_sleep_ns(0);
            });
            run_in_loop([] {
                TaskGroup group;
                group.spawn([] { throw std::runtime_error("thrown by wait"); });
                group.spawn([] {
                    try {
                        wait_for_ever();
                    } catch (const Cancelled&) {
                        throw std::runtime_error("further failure");
                    }
                });
                CHECK_THROWS(group.wait());
            });
            run_in_loop([] {
                TaskGroup group;
                group.spawn([] { throw std::runtime_error("thrown by spawn"); });
                co_sleep_ns(0);
                CHECK_THROWS(group.spawn([] {}));
            });
            run_in_loop([] {
                TaskGroup group;
                group.spawn([] { throw std::runtime_error("asked for"); });
                co_sleep_ns(0);
                CHECK(group.failures().size() == 1);
            });
            run_in_loop([] {
                TaskGroup group;
                auto task = group.spawn([] { throw std::runtime_error("joined"); });
                CHECK_THROWS(task.join());
            });
        });
        CHECK(death.exit_code == 0);
        CHECK(death.words == "not waited for\nfurther failure\n");
    }

    TEST_CASE("a coroutine of the group may spawn into it, and wait waits for that, too") {
        run_in_loop([] {
            int count = 0;
            TaskGroup group;
            struct Tree {
                TaskGroup& group;
                int& count;

                void grow(int depth) const {
                    ++count;
                    co_sleep_ns(0);
                    if (depth > 0) {
                        group.spawn([this, depth] { grow(depth - 1); });
                        group.spawn([this, depth] { grow(depth - 1); });
                    }
                }
            } const tree{group, count};
            group.spawn([&] { tree.grow(6); });
            group.wait();
            CHECK(count == 127);
        });
    }

    TEST_CASE("holds ten thousand coroutines at once") {
        run_in_loop([] {
            CoQueue gate;
            int inside = 0;
            TaskGroup group;
            for (int i = 0; i < 10'000; ++i) {
                group.spawn([&] {
                    ++inside;
                    gate.wait();
                    --inside;
                });
            }
            while (inside < 10'000) {
                co_sleep_ns(0);
            }
            CHECK(group.size() == 10'000);
            CHECK(gate.wake_all() == 10'000);
            group.wait();
            CHECK(inside == 0);
        });
    }

    TEST_CASE("what a function object holds is gone when wait returns") {
        run_in_loop([] {
            auto token = std::make_shared<int>(1);
            TaskGroup group;
            for (int i = 0; i < 10; ++i) {
                group.spawn([token] { co_sleep_ns(0); });
            }
            CHECK(token.use_count() == 11);
            group.wait();
            CHECK(token.use_count() == 1);
        });
    }

    TEST_CASE("a function object may be one that can only be moved") {
        run_in_loop([] {
            TaskGroup group;
            int value = 0;
            group.spawn([&value, number = std::make_unique<int>(5)] { value = *number; });
            group.wait();
            CHECK(value == 5);
        });
    }

    TEST_CASE("making one outside a coroutine is misuse") {
        coloop::expect_misuse([] { const TaskGroup group; },
                              "cannot make a task group outside a coroutine; spawn one");
    }

#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN)  // which need the address space themselves
    TEST_CASE("spawning without memory for a stack is an Error, and the others go on") {
        const coloop::Death death = coloop::die([] {
            int ended = 0;
            std::string text;
            bool same = false;
            run_in_loop([&] {
                const rlimit limit{512 << 20, 512 << 20};
                setrlimit(RLIMIT_AS, &limit);
                CoQueue gate;
                TaskGroup group;
                int spawned = 0;
                try {
                    for (;;) {
                        group.spawn(
                            [&] {
                                gate.wait();
                                ++ended;
                            },
                            {.name = "one of many"});
                        ++spawned;
                    }
                } catch (const coloop::Error& error) {
                    text = error.what();
                    const auto again = group.spawn([] {}, {.name = "one of many"}, std::nothrow);
                    same = !again && again.error().code() == std::errc::not_enough_memory &&
                           text == again.error().what();
                }
                while (ended < spawned) {
                    gate.wake_all();
                    co_sleep_ns(0);
                }
                group.wait();
                same = same && spawned > 100;
                group.spawn([&] { ++ended; });  // there are stacks again
                group.wait();
            });
            fputs(text.c_str(), stderr);
            _exit(same ? 0 : 1);
        });
        CAPTURE(death.words);
        CHECK(death.signal == 0);
        CHECK(death.exit_code == 0);
        CHECK(death.words.starts_with("create coroutine one of many: "));
    }
#endif
}

// SPDX-License-Identifier: MIT
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/co_mutex.hpp>
#include <coloop/completion.hpp>
#include <coloop/event.hpp>
#include <coloop/fs.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/testing.hpp>
#include <coloop/timeout.hpp>

#include "support/expect_misuse.hpp"
#include "support/sockets.hpp"
#include "testing/support.hpp"

namespace coloop::testing {

using namespace std::chrono_literals;

TEST_SUITE("run_test") {
    TEST_CASE("runs a function in a coroutine and returns when it has ended") {
        bool inside = false;
        run_test([&] {
            co_sleep_ns(0);
            inside = in_coroutine();
        });
        CHECK(inside);
    }

    TEST_CASE("what leaves the function is thrown again, whatever it is") {
        CHECK_THROWS_WITH_AS(run_test([] { throw std::runtime_error("mine"); }), "mine",
                             std::runtime_error);
        CHECK_THROWS_AS(run_test([] { throw 7; }), int);
        CHECK(failure_of([] { throw Cancelled(); }) ==
              "Cancelled left the test, in which nothing was cancelled");
    }

    TEST_CASE("a function that takes the loop may spawn on it, and cancel it") {
        bool cancelled = false;
        run_test([&](Loop& loop) {
            loop.spawn([&] {
                try {
                    CoQueue().wait();
                } catch (const Cancelled&) {
                    cancelled = true;
                    throw;
                }
            });
            wait_until_all_blocked();
            loop.cancel();
            co_sleep(1h);
        });
        CHECK(cancelled);
    }

    TEST_CASE("an hour passes at once when all are blocked") {
        const auto began = std::chrono::steady_clock::now();
        run_test([] {
            const std::int64_t start = monotonic_clock().now();
            CHECK_THROWS_AS(with_timeout(1h, [] { CoQueue().wait(); }), TimedOut);
            CHECK(monotonic_clock().now() - start == std::chrono::nanoseconds(1h).count());
        });
        CHECK(std::chrono::steady_clock::now() - began < 1min);
    }

    TEST_CASE("sleepers wake at exactly their times and in their order") {
        run_test([] {
            std::string story;
            TaskGroup group;
            const std::int64_t start = manual_clock().now();
            for (const auto& [name, time] : {std::pair{'c', 3h}, {'a', 1h}, {'b', 2h}}) {
                group.spawn([&story, name = name, time = time, start] {
                    co_sleep(time);
                    story += name;
                    CHECK(manual_clock().now() - start == std::chrono::nanoseconds(time).count());
                });
            }
            group.wait();
            CHECK(story == "abc");
        });
    }

    TEST_CASE("a clock that does not jump moves when it is told to") {
        run_test({.clock_jumps = false}, [] {
            bool awake = false;
            TaskGroup group;
            group.spawn([&] {
                co_sleep(10s);
                awake = true;
            });
            wait_until_all_blocked();
            manual_clock().advance(9'999'999'999ns);
            wait_until_all_blocked();
            CHECK_FALSE(awake);
            manual_clock().advance(1ns);
            wait_until_all_blocked();
            CHECK(awake);
            manual_clock().set_jumping(true);
            co_sleep(1h);
        });
    }

    TEST_CASE("wait_until_all_blocked returns when the others wait, before the clock jumps") {
        run_test([] {
            int steps = 0;
            TaskGroup group;
            for (int i = 0; i < 5; ++i) {
                group.spawn([&] {
                    for (int step = 0; step < 10; ++step) {
                        ++steps;
                        give_way();
                    }
                    co_sleep(1s);
                    ++steps;
                });
            }
            const std::int64_t start = manual_clock().now();
            wait_until_all_blocked();
            CHECK(steps == 50);
            CHECK(manual_clock().now() == start);
            group.wait();
            CHECK(steps == 55);
        });
    }

    TEST_CASE("what one end of a connection sends arrives before the clock jumps") {
        run_test([] {
            TcpPair pair;
            TaskGroup group;
            group.spawn([&] {
                co_sleep(1h);
                pair.far.write("late");
            });
            std::array<std::byte, 8> buffer{};
            CHECK_FALSE(move_on_after(30min, [&] { return pair.near.read(buffer); }));
            CHECK(with_timeout(31min, [&] { return pair.near.read(buffer); }) == 4);
        });
    }

    TEST_CASE("while the thread pool works, time passes as it does outside") {
        run_test([] {
            const std::int64_t start = manual_clock().now();
            with_timeout(1h, [] { static_cast<void>(fs::stat("/")); });
            CHECK(manual_clock().now() - start < std::chrono::nanoseconds(1h).count());
        });
    }

    TEST_CASE("while another thread may post, the clock does not jump over what it posts") {
        run_test([](Loop& loop) {
            Completion<int> answer;
            const Loop::KeepAlive alive(loop);
            std::thread thread([&] { loop.post([&] { answer.set(42); }); });
            CHECK(with_timeout(1h, [&] { return answer.wait(); }) == 42);
            thread.join();
        });
    }

    TEST_CASE("with patience the clock waits for a peer that the loop knows nothing of") {
        run_test({.patience = 1h}, [] {
            HalfPair pair;
            std::thread thread([&] { pair.far.send("hello"); });
            std::array<std::byte, 8> buffer{};
            CHECK(with_timeout(1s, [&] { return pair.near.read(buffer); }) == 5);
            thread.join();
        });
    }

    TEST_CASE("a stall between two looks at the time does not make the clock stand still") {
        // libuv runs timers before it polls, too: then what limits the poll may have fired by then.
        static int rest = 0;
        for (int when = 1; when <= 4; ++when) {
            rest = when;
            run_test([](Loop& loop) {
                const Loop::KeepAlive alive(loop);
                uv_timer_t slow;
                uv_timer_init(loop.uv(), &slow);
                uv_timer_start(
                    &slow,
                    [](uv_timer_t* timer) {
                        uv_sleep(2);
                        if (--rest == 0) {
                            uv_sleep(30);
                            uv_timer_stop(timer);
                            uv_update_time(timer->loop);
                        }
                    },
                    1, 1);
                CHECK_FALSE(move_on_after(20ms, [] { CoQueue().wait(); }));
                Event closed;
                slow.data = &closed;
                uv_close(reinterpret_cast<uv_handle_t*>(&slow),
                         [](uv_handle_t* handle) { static_cast<Event*>(handle->data)->set(); });
                closed.wait();
            });
        }
    }

    TEST_CASE("a deadlock fails, and the text says who waits for what and who spawned it") {
        const std::string text = failure_of([](Loop& loop) {
            static CoMutex first;
            static CoMutex second;
            const auto cross = [](CoMutex& one, CoMutex& other) {
                const std::lock_guard lock(one);
                wait_until_all_blocked();
                const std::lock_guard both(other);
            };
            loop.spawn([&] { cross(first, second); }, {.name = "left"});
            loop.spawn([&] { cross(second, first); }, {.name = "right"});
            CoQueue("wait for the end").wait();
        });
        CHECK(contains(text, "deadlock: nothing can wake the coroutines that are left\n"));
        CHECK(contains(text, "  coroutine \"left\" waits: lock a mutex\n"));
        CHECK(contains(text, "  coroutine \"right\" waits: lock a mutex\n"));
        CHECK(contains(text, "  coroutine \"test\" waits: wait for the end"));
        CHECK(contains(text, "run_test_test.cpp:"));
    }

    TEST_CASE("coroutines that wake each other for ever are told from slow ones by their steps") {
        const std::string text = failure_of({.most_steps = 1000}, [](Loop& loop) {
            loop.spawn(
                [] {
                    for (;;) {
                        give_way();
                    }
                },
                {.name = "restless"});
            CoQueue().wait();
        });
        CHECK(contains(text, "no end after 1000 steps"));
        CHECK(contains(text, "coroutine \"restless\""));
    }

    TEST_CASE("a failed test ends its other coroutines, those too that sleep in a shield") {
        bool ended = false;
        const std::string text = failure_of([&](Loop& loop) {
            loop.spawn([&] {
                uncancellable([] { co_sleep(1h); });
                ended = true;
            });
            wait_until_all_blocked();
            throw TestFailure("mine");
        });
        CHECK(text == "mine");
        CHECK(ended);
    }

    TEST_CASE("a coroutine that does not end after a failure ends the program with the reason") {
        const char* words = "coroutine \"stubborn\" waits: wait for a completion";
        const doctest::String last = last_words([] {
            run_test([](Loop& loop) {
                static Completion<int> never;
                loop.spawn([] { never.wait(); }, {.name = "stubborn"});
                wait_until_all_blocked();
                throw std::runtime_error("the reason");
            });
        });
        CHECK(last == doctest::Contains(words));
        CHECK(last == doctest::Contains("the reason"));
        CHECK(last == doctest::Contains("of a failed test these coroutines are left"));
    }

    TEST_CASE("what is for tests is refused elsewhere") {
        expect_misuse([] { wait_until_all_blocked(); },
                      "cannot wait until all are blocked here; that is for coroutines of a test");
        expect_misuse([] { give_way(); }, "cannot give way here");
        expect_misuse([] { static_cast<void>(current_seed()); }, "cannot tell the seed here");
        expect_misuse([] { static_cast<void>(pick(2)); }, "cannot pick a number here");
        expect_misuse([] { run_test([] { manual_clock().advance(-1ns); }); },
                      "a ManualClock was to be advanced by -1 ns; it cannot go back");
    }
}

}  // namespace coloop::testing

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>
#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/co_queue.hpp>
#include <coloop/completion.hpp>
#include <coloop/loop.hpp>
#include <coloop/loop_metrics.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>

#include "context/stack.hpp"
#include "support/run_in_loop.hpp"

using namespace std::chrono_literals;

using coloop::co_sleep;
using coloop::co_sleep_ns;
using coloop::CoQueue;
using coloop::Loop;
using coloop::run_in_loop;
using coloop::TaskGroup;

namespace {

std::int64_t now() { return static_cast<std::int64_t>(uv_hrtime()); }

/// For as long as `duration`, without letting anybody else run.
void compute(std::chrono::nanoseconds duration) {
    const std::int64_t end = now() + duration.count();
    while (now() < end) {
    }
}

/// Counts the turns of a loop from a handle of its own, as its host could; keeps no loop alive.
class Turns {
public:
    explicit Turns(uv_loop_t* uv) : check_(new uv_check_t) {
        uv_check_init(uv, check_);
        check_->data = &count_;
        uv_check_start(check_, [](uv_check_t* handle) { ++*static_cast<int*>(handle->data); });
        uv_unref(reinterpret_cast<uv_handle_t*>(check_));
    }

    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;

    ~Turns() {
        uv_close(reinterpret_cast<uv_handle_t*>(check_),
                 [](uv_handle_t* handle) { delete reinterpret_cast<uv_check_t*>(handle); });
    }

    [[nodiscard]] int count() const { return count_; }

private:
    uv_check_t* check_;
    int count_ = 0;
};

#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN)
std::int64_t resident_bytes() {
    long pages = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%*d %ld", &pages) != 1) {
            pages = 0;
        }
        std::fclose(file);
    }
    return pages * sysconf(_SC_PAGESIZE);
}
#endif

}  // namespace

TEST_SUITE("Loop") {
    TEST_CASE("run returns at once if there is nothing to do") {
        Loop loop;
        CHECK(loop.run());
        CHECK(loop.run());
    }

    TEST_CASE("what was spawned before it runs begins in the order of spawning, not earlier") {
        Loop loop;
        std::string order;
        for (const char name : {'a', 'b', 'c'}) {
            loop.spawn([&, name] { order += name; });
        }
        CHECK(order.empty());
        CHECK(loop.run());
        CHECK(order == "abc");
    }

    TEST_CASE("what a coroutine spawns begins after it has stopped") {
        Loop loop;
        std::string order;
        loop.spawn([&] {
            loop.spawn([&] { order += 'b'; });
            loop.spawn([&] { order += 'c'; });
            order += 'a';
            co_sleep_ns(0);
            order += 'd';
        });
        CHECK(loop.run());
        CHECK(order == "abcd");
    }

    TEST_CASE("run returns when the last coroutine has ended, and can be called again") {
        Loop loop;
        int ended = 0;
        for (int round = 1; round <= 3; ++round) {
            loop.spawn([&] {
                co_sleep(1ms);
                loop.spawn([&] {
                    co_sleep(1ms);
                    ++ended;
                });
            });
            CHECK(loop.run());
            CHECK(ended == round);
        }
    }

    TEST_CASE("woken coroutines run in the order in which they were woken") {
        run_in_loop([] {
            CoQueue queues[3];
            std::string order;
            TaskGroup group;
            for (int i = 0; i < 3; ++i) {
                group.spawn([&, i] {
                    queues[i].wait();
                    order += static_cast<char>('a' + i);
                });
            }
            co_sleep_ns(0);
            queues[1].wake_one();
            queues[2].wake_one();
            queues[0].wake_one();
            CHECK(order.empty());
            group.wait();
            CHECK(order == "bca");
        });
    }

    TEST_CASE("a coroutine has the name and the stack size that were asked for") {
        Loop loop;
        std::string name;
        std::size_t size = 0;
        loop.spawn(
            [&] {
                name = coloop::Coroutine::self()->name();
                size = coloop::Coroutine::self()->stack_size();
            },
            {.name = "large", .stack_size = 2 << 20});
        CHECK(loop.run());
        CHECK(name == "large");
        CHECK(size > 1 << 20);
        CHECK(size <= 2 << 20);
    }

    TEST_CASE("the function object moves in and is destroyed when the function has returned") {
        Loop loop;
        auto token = std::make_shared<int>(1);
        loop.spawn([held = std::make_unique<std::shared_ptr<int>>(token)] { co_sleep_ns(0); });
        CHECK(token.use_count() == 2);
        CHECK(loop.run());
        CHECK(token.use_count() == 1);
    }

    TEST_CASE("current_uv is the loop of the running coroutine") {
        Loop first;
        Loop second;
        first.spawn([&] { CHECK(Loop::current_uv() == first.uv()); });
        second.spawn([&] { CHECK(Loop::current_uv() == second.uv()); });
        CHECK(first.run());
        CHECK(second.run());
    }

    TEST_CASE("a callback turns into a blocking call by a Completion") {
        run_in_loop([] {
            coloop::Completion<int> answer;
            uv_timer_t timer;
            timer.data = &answer;
            uv_timer_init(Loop::current_uv(), &timer);
            uv_timer_start(
                &timer,
                [](uv_timer_t* handle) {
                    static_cast<coloop::Completion<int>*>(handle->data)->set(42);
                },
                1, 0);
            CHECK(answer.wait() == 42);

            coloop::Completion<bool> closed;
            timer.data = &closed;
            uv_close(reinterpret_cast<uv_handle_t*>(&timer), [](uv_handle_t* handle) {
                static_cast<coloop::Completion<bool>*>(handle->data)->set(true);
            });
            CHECK(closed.wait());
        });
    }

    TEST_CASE("at most 256 coroutines run before the loop gets its turn") {
        Loop loop;
        constexpr int count = 2000;
        std::vector<int> ran_in_turn;
        {
            const Turns turns(loop.uv());
            for (int i = 0; i < count; ++i) {
                loop.spawn([&] { ran_in_turn.push_back(turns.count()); });
            }
            CHECK(loop.run());
        }
        REQUIRE(ran_in_turn.size() == count);
        int most = 0;
        for (const int turn : ran_in_turn) {
            most = std::max(
                most, static_cast<int>(std::count(ran_in_turn.begin(), ran_in_turn.end(), turn)));
        }
        CHECK(most <= 2 * 256);  // one batch before polling and one after
    }

    TEST_CASE("coroutines that compute give way to the loop by time") {
        run_in_loop([] {
            const Turns turns(Loop::current_uv());
            TaskGroup group;
            for (int i = 0; i < 200; ++i) {
                group.spawn([] { compute(100us); });
            }
            group.wait();
            CHECK(turns.count() >= 6);  // 20 ms in steps of 16 coroutines
        });
    }

    TEST_CASE("those who wake each other for ever starve neither timers nor I/O") {
        run_in_loop([] {
            CoQueue ping;
            CoQueue pong;
            bool stop = false;
            TaskGroup group;
            for (int i = 0; i < 500; ++i) {
                group.spawn([&] {
                    while (!stop) {
                        pong.wake_one();
                        ping.wait();
                    }
                    pong.wake_one();
                });
                group.spawn([&] {
                    while (!stop) {
                        ping.wake_one();
                        pong.wait();
                    }
                    ping.wake_one();
                });
            }
            bool by_timer = false;
            uv_timer_t timer;
            timer.data = &by_timer;
            uv_timer_init(Loop::current_uv(), &timer);
            uv_timer_start(
                &timer, [](uv_timer_t* handle) { *static_cast<bool*>(handle->data) = true; }, 2, 0);
            co_sleep(5ms);
            co_sleep_ns(0);
            stop = true;
            CHECK(by_timer);
            ping.wake_all();
            pong.wake_all();
            group.wait();
            uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
            co_sleep_ns(0);
            co_sleep_ns(0);
        });
    }

    TEST_CASE("a crowd that always yields to the loop starves nobody") {
        run_in_loop([] {
            bool stop = false;
            int yields = 0;
            TaskGroup group;
            for (int i = 0; i < 1000; ++i) {
                group.spawn([&] {
                    while (!stop) {
                        co_sleep_ns(0);
                        ++yields;
                    }
                });
            }
            co_sleep(5ms);
            stop = true;
            group.wait();
            CHECK(yields > 0);
        });
    }

    TEST_CASE("functions posted before the loop runs are run in their order, outside coroutines") {
        Loop loop;
        std::string order;
        for (const char name : {'a', 'b', 'c'}) {
            loop.post([&, name] {
                order += name;
                CHECK(!coloop::in_coroutine());
            });
        }
        CHECK(order.empty());
        CHECK(loop.run());
        CHECK(order == "abc");
    }

    TEST_CASE("a posted function may spawn, wake and post again") {
        Loop loop;
        CoQueue queue;
        std::string events;
        loop.spawn([&] {
            loop.post([&] {
                events += 'p';
                queue.wake_one();
                loop.spawn([&] { events += 's'; });
                loop.post([&] { events += 'q'; });
            });
            queue.wait();
            events += 'w';
        });
        CHECK(loop.run());
        std::sort(events.begin(), events.end());
        CHECK(events == "pqsw");
    }

    TEST_CASE("what a posted function holds is gone when the loop has run it") {
        Loop loop;
        auto token = std::make_shared<int>(1);
        loop.post([token] {});
        CHECK(token.use_count() == 2);
        CHECK(loop.run());
        CHECK(token.use_count() == 1);
    }

    TEST_CASE("uv_stop makes run return true with all as it was, and run goes on from there") {
        Loop loop;
        int steps = 0;
        loop.spawn([&] {
            ++steps;
            uv_stop(loop.uv());
            co_sleep(1ms);
            ++steps;
        });
        CHECK(loop.run());
        CHECK(steps == 1);
        CHECK(loop.run());
        CHECK(steps == 2);
    }

    TEST_CASE("errno is each coroutine's own") {
        run_in_loop([] {
            TaskGroup group;
            bool kept = true;
            for (int i = 1; i <= 10; ++i) {
                group.spawn([&, i] {
                    for (int turn = 0; turn < 5; ++turn) {
                        errno = i;
                        co_sleep_ns(0);
                        kept = kept && errno == i;
                    }
                });
            }
            group.wait();
            CHECK(kept);
        });
    }

    TEST_CASE("the memory of stacks is given back after a burst, and then the loop sleeps") {
        constexpr int burst = 2000;
        std::chrono::milliseconds open_for = 0ms;
        SUBCASE("of those that end soon") {}
        SUBCASE("of those that end together, long after the last of them was spawned") {
            open_for = 2200ms;
        }
        void* (*const volatile fill)(void*, int, std::size_t) = std::memset;  // not to be elided
        Loop loop;
        const Turns turns(loop.uv());
        std::int64_t turns_at_rest = 0;
        std::size_t taken = 0;
        std::size_t pooled_at_rest = 0;
#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN)
        const std::int64_t resident_before = resident_bytes();
        std::int64_t resident = 0;
        std::int64_t resident_at_rest = 0;
#endif
        loop.spawn([&] {
            {
                CoQueue gate;
                int inside = 0;
                TaskGroup group;
                for (int i = 0; i < burst; ++i) {
                    group.spawn([&] {
                        char frame[24 * 1024];
                        fill(frame, 1, sizeof frame);
                        ++inside;
                        gate.wait();
                    });
                }
                while (inside < burst) {
                    co_sleep_ns(0);
                }
                taken = coloop::stack_usage().in_use;
#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN)
                resident = resident_bytes();
#endif
                co_sleep(open_for);
                gate.wake_all();
                group.wait();
            }
            while (coloop::stack_usage().pooled > 100) {  // begins after a second
                co_sleep(50ms);
            }
            co_sleep(150ms);  // the last look
            pooled_at_rest = coloop::stack_usage().pooled;
#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN)
            resident_at_rest = resident_bytes();
#endif
            const std::int64_t before = turns.count();
            co_sleep(200ms);
            turns_at_rest = turns.count() - before;
        });
        CHECK(loop.run());
        CHECK(taken > burst);  // how many of them are pooled at once is a matter of time
        CHECK(pooled_at_rest <= 100);
        CHECK(turns_at_rest <= 3);  // those of the sleep itself
#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN)
        CHECK(resident - resident_before > burst * 24 * 1024);
        CHECK(resident_at_rest - resident_before < burst * 24 * 1024 / 4);
#endif
    }
}

TEST_SUITE("metrics") {
    TEST_CASE("a loop tells how long it waited, once it was asked to measure that") {
        Loop loop;
        CHECK(metrics_of(loop).idle == 0ns);
        loop.spawn([] { co_sleep(2ms); });
        CHECK(loop.run());
        CHECK(metrics_of(loop).idle == 0ns);

        measure_idle_time(loop);
        coloop::LoopMetrics measured;
        while (measured.idle == 0ns) {  // it does not wait if the machine takes longer than that
            loop.spawn([] { co_sleep(2ms); });
            CHECK(loop.run());
            measured = metrics_of(loop);
        }
        CHECK((measured.turns > 0) == (UV_VERSION_HEX >= 0x012D00));
    }
}

// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/clock.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/death.hpp"
#include "support/expect_misuse.hpp"
#include "support/random.hpp"
#include "support/run_in_loop.hpp"

using namespace std::chrono_literals;

using coloop::co_sleep;
using coloop::co_sleep_ns;
using coloop::Loop;
using coloop::run_in_loop;
using coloop::TaskGroup;
using coloop::VirtualClock;

namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t ms = 1'000'000;

/// Lets everybody run who is ready, and those whom they wake.
void let_others_run() {
    for (int i = 0; i < 5; ++i) {
        co_sleep_ns(0);
    }
}

}  // namespace

TEST_SUITE("Clock") {
    TEST_CASE("the monotonic clock never goes back and is that of std::chrono") {
        std::int64_t last = coloop::monotonic_clock().now();
        for (int i = 0; i < 10'000; ++i) {
            const std::int64_t next = coloop::monotonic_clock().now();
            REQUIRE(next >= last);
            last = next;
        }
        const std::int64_t steady = std::chrono::steady_clock::now().time_since_epoch() / 1ns;
        CHECK(steady >= last);
        CHECK(coloop::monotonic_clock().now() >= steady);
    }

    TEST_CASE("the wall clock shows the time since 1970") {
        const std::int64_t before = std::chrono::system_clock::now().time_since_epoch() / 1ns;
        const std::int64_t shown = coloop::wall_clock().now();
        const std::int64_t after = std::chrono::system_clock::now().time_since_epoch() / 1ns;
        CHECK(shown >= before);
        CHECK(shown <= after);
    }

    TEST_CASE("sleeping by each clock takes at least as long as that clock says") {
        run_in_loop([] {
            VirtualClock running;
            coloop::Clock* clocks[] = {&coloop::monotonic_clock(), &coloop::wall_clock(), &running};
            for (coloop::Clock* clock : clocks) {
                const std::int64_t begin = clock->now();
                co_sleep_ns(*clock, 2 * ms);
                CHECK(clock->now() - begin >= 2 * ms);
            }
        });
    }

    TEST_CASE("a sleep by the wall clock can be cancelled") {
        run_in_loop([] {
            CHECK(!coloop::move_on_after(1ms, [] { co_sleep_ns(coloop::wall_clock(), most); }));
        });
    }
}

TEST_SUITE("VirtualClock") {
    TEST_CASE("shows zero at first, runs unless it is paused, and keeps what it showed") {
        VirtualClock paused(VirtualClock::State::paused);
        CHECK(paused.now() == 0);

        VirtualClock running;
        uv_sleep(1);
        CHECK(running.now() >= ms);
        running.pause();
        const std::int64_t shown = running.now();
        uv_sleep(1);
        CHECK(running.now() == shown);
        const std::int64_t resumed = coloop::monotonic_clock().now();
        running.resume();
        const std::int64_t goes_on = running.now();
        CHECK(goes_on >= shown);
        CHECK(goes_on <= shown + coloop::monotonic_clock().now() - resumed);
    }

    TEST_CASE("pausing and resuming twice is the same as once") {
        VirtualClock clock(VirtualClock::State::paused);
        clock.pause();
        CHECK(clock.now() == 0);
        clock.resume();
        clock.resume();
        uv_sleep(1);
        clock.pause();
        clock.pause();
        CHECK(clock.now() >= ms);
    }

    TEST_CASE("advancing a paused clock wakes those whose time has come and no others") {
        run_in_loop([] {
            VirtualClock clock(VirtualClock::State::paused);
            std::string order;
            TaskGroup group;
            for (const int when : {30, 10, 20}) {
                group.spawn([&, when] {
                    co_sleep_ns(clock, when);
                    order += static_cast<char>('0' + when / 10);
                });
            }
            let_others_run();
            clock.advance(9);
            let_others_run();
            CHECK(order.empty());
            clock.advance(1);
            let_others_run();
            CHECK(order == "1");
            clock.advance(20);
            group.wait();
            CHECK(order == "123");
            CHECK(clock.now() == 30);
        });
    }

    TEST_CASE("one advance past many deadlines wakes them in the order of the deadlines") {
        run_in_loop([] {
            VirtualClock clock(VirtualClock::State::paused);
            coloop::Random random(3);
            std::vector<std::int64_t> order;
            TaskGroup group;
            int asleep = 0;
            for (int i = 0; i < 500; ++i) {
                const auto when = static_cast<std::int64_t>(random.below(1'000'000'000) + 1);
                group.spawn([&, when] {
                    ++asleep;
                    co_sleep_ns(clock, when);
                    order.push_back(when);
                });
            }
            while (asleep < 500) {
                let_others_run();
            }
            clock.advance(1'000'000'000);
            group.wait();
            CHECK(order.size() == 500);
            CHECK(std::is_sorted(order.begin(), order.end()));
        });
    }

    TEST_CASE("those with the same deadline wake in the order in which they fell asleep") {
        run_in_loop([] {
            VirtualClock clock(VirtualClock::State::paused);
            std::string order;
            TaskGroup group;
            for (const char name : {'a', 'b', 'c'}) {
                group.spawn([&, name] {
                    co_sleep_ns(clock, 10);
                    order += name;
                });
            }
            let_others_run();
            clock.resume();  // re-arms them
            clock.pause();
            clock.advance(10);
            group.wait();
            CHECK(order == "abc");
        });
    }

    TEST_CASE("a short sleep on a running clock ends although a longer one began before it") {
        run_in_loop([] {
            VirtualClock clock;
            std::string order;
            TaskGroup group;
            group.spawn([&] {
                co_sleep_ns(clock, 3'600'000 * ms);
                order += "long";
            });
            coloop::Task<void> shorter = group.spawn([&] {
                co_sleep_ns(clock, 2 * ms);
                order += "short";
            });
            shorter.join();
            CHECK(order == "short");
            clock.advance(3'600'000 * ms);
            group.wait();
            CHECK(order == "shortlong");
        });
    }

    TEST_CASE("advancing a running clock shortens the sleeps that go on") {
        run_in_loop([] {
            VirtualClock clock;
            TaskGroup group;
            std::int64_t woke = 0;
            group.spawn([&] {
                co_sleep_ns(clock, 3'600'000 * ms);
                woke = clock.now();
            });
            let_others_run();
            clock.advance(3'600'000 * ms - 2 * ms);  // the rest takes two milliseconds
            CHECK(woke == 0);
            group.wait();
            CHECK(woke >= 3'600'000 * ms);
            CHECK(woke < 3'660'000 * ms);
        });
    }

    TEST_CASE("a sleeper on a clock that is paused sleeps on until it runs again") {
        run_in_loop([] {
            bool in_time = false;
            for (std::int64_t length = 2 * ms; !in_time; length *= 2) {
                VirtualClock clock;
                bool woke = false;
                TaskGroup group;
                group.spawn([&] {
                    co_sleep_ns(clock, length);
                    woke = true;
                });
                let_others_run();
                clock.pause();
                in_time = clock.now() < length;
                co_sleep(std::chrono::nanoseconds(5 * length));
                CHECK(woke != in_time);
                clock.resume();
                group.wait();
                CHECK(clock.now() >= length);
            }
        });
    }

    TEST_CASE("a huge advance ends at the largest number and wakes everybody") {
        run_in_loop([] {
            for (const auto state : {VirtualClock::State::paused, VirtualClock::State::running}) {
                VirtualClock clock(state);
                TaskGroup group;
                group.spawn([&] { co_sleep_ns(clock, most); });
                let_others_run();
                clock.advance(most);
                clock.advance(most);
                CHECK(clock.now() == most);
                group.wait();
                co_sleep_ns(clock, 1);  // there is no later; one turn of the loop
            }
        });
    }

    TEST_CASE("a cancelled sleeper leaves no trace on its clock") {
        run_in_loop([] {
            VirtualClock clock;
            CHECK(!coloop::move_on_after(1ms, [&] { co_sleep_ns(clock, most); }));
            clock.pause();
            CHECK(!coloop::move_on_after(1ms, [&] { co_sleep_ns(clock, 5); }));
            clock.advance(10);
        });
    }

    TEST_CASE("going back is misuse") {
        coloop::expect_misuse([] { VirtualClock().advance(-1); }, "it cannot go back");
    }

    TEST_CASE("destroying one by which somebody sleeps is misuse") {
        coloop::expect_misuse(
            [] {
                Loop loop;
                {
                    VirtualClock clock;
                    loop.spawn([&] { co_sleep_ns(clock, most); }, {.name = "dormouse"});
                    loop.spawn([&] { uv_stop(loop.uv()); });
                    loop.run();
                }
            },
            "destroyed while coroutine \"dormouse\" sleeps by it");
    }

    TEST_CASE("nobody left but sleepers on a paused clock is a deadlock that says so") {
        const coloop::Death death = coloop::die([] {
            VirtualClock clock(VirtualClock::State::paused);
            Loop loop;
            loop.spawn([&] { co_sleep_ns(clock, 1); }, {.name = "dormouse"});
            loop.run();
        });
        CHECK(death.exit_code == 0);
        CHECK(death.words.find("\"dormouse\" waits") != std::string::npos);
        CHECK(death.words.find("sleep by a virtual clock") != std::string::npos);
    }
}

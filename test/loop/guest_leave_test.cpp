// SPDX-License-Identifier: MIT
//
// How a Loop leaves a uv loop that belongs to somebody else, alone or among several.
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/co_queue.hpp>
#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>
#include <coloop/timeout.hpp>

#include "loop/loop_state.hpp"
#include "support/effort.hpp"
#include "support/host.hpp"
#include "support/waiting.hpp"

using namespace std::chrono_literals;

using coloop::Cancelled;
using coloop::co_sleep;
using coloop::co_sleep_ns;
using coloop::CoQueue;
using coloop::Host;
using coloop::Inside;
using coloop::Loop;

TEST_SUITE("Loop::detach") {
    TEST_CASE("ends the coroutines, closes all handles and then calls done, once") {
        Host host;
        Loop loop(host.uv());
        constexpr int many = coloop::coroutines_are_dear ? 500 : 10'000;
        int inside = 0;
        int done = 0;

        CoQueue queue;
        for (int i = 0; i < many; ++i) {
            loop.spawn([&, i] {
                const Inside here(inside);
                if (i % 2 == 0) {
                    co_sleep(1h);
                } else {
                    queue.wait();
                }
            });
        }
        while (inside < many) {
            host.run(UV_RUN_NOWAIT);
        }

        loop.detach([&] {
            ++done;
            CHECK(!coloop::in_coroutine());
            CHECK(inside == 0);
        });
        CHECK(inside == many);  // returned at once
        CHECK(done == 0);
        host.run();
        CHECK(done == 1);
        CHECK(host.handles() == 0);
        CHECK(host.close() == 0);
        CHECK(done == 1);
    }

    TEST_CASE("waits for those that take their time to unwind") {
        Host host;
        Loop loop(host.uv());
        std::string events;
        loop.spawn([&] {
            try {
                co_sleep(1h);
            } catch (const Cancelled&) {
                coloop::uncancellable([] { co_sleep(2ms); });
                events += "unwound ";
                throw;
            }
        });
        host.run(UV_RUN_NOWAIT);
        loop.detach([&] { events += "done"; });
        host.run();
        CHECK(events == "unwound done");
    }

    TEST_CASE("can be called before the loop ever ran, and with nothing to end") {
        Host host;
        int done = 0;
        std::string steps;
        {
            Loop loop(host.uv());
            loop.detach([&] { ++done; });
        }
        {
            Loop loop(host.uv());
            loop.spawn([&] {
                steps += 'a';
                co_sleep_ns(0);
                steps += 'b';
            });
            loop.detach([&] { ++done; });
        }
        host.run();
        CHECK(done == 2);
        CHECK(steps == "a");
        CHECK(host.handles() == 0);
    }

    TEST_CASE("can be called in a coroutine of the loop, which is cancelled with the others") {
        Host host;
        Loop loop(host.uv());
        bool done = false;
        bool went_on = false;
        loop.spawn([&] {
            loop.detach([&] { done = true; });
            co_sleep_ns(0);
            went_on = true;
        });
        host.run();
        CHECK(done);
        CHECK(!went_on);
    }

    TEST_CASE("can be called twice, also when all is over, and each done is called") {
        Host host;
        Loop loop(host.uv());
        std::string events;
        loop.detach([&] { events += 'a'; });
        loop.detach([&] { events += 'b'; });
        host.run();
        CHECK(events == "ab");
        loop.detach([&] { events += 'c'; });
        CHECK(events == "abc");
    }

    TEST_CASE("refuses new coroutines from then on, and drops what is posted when all is over") {
        Host host;
        Loop loop(host.uv());
        auto token = std::make_shared<int>(1);
        loop.detach();
        for (int i = 0; i < 2; ++i) {
            const auto refused = loop.spawn([token] {}, {.name = "late"}, std::nothrow);
            REQUIRE(!refused);
            CHECK(std::string(refused.error().what())
                      .find("spawn on a loop that is being left late: ") == 0);
            CHECK_THROWS_AS(loop.spawn([] {}), coloop::Error);
            host.run();
        }
        loop.post([token] {});
        CHECK(token.use_count() == 1);
        loop.cancel();
        CHECK(host.run() == 0);
    }

    TEST_CASE("waits for what the last functions that were posted have begun") {
        Host host;
        Loop loop(host.uv());
        coloop::LoopState& state = coloop::LoopState::of(loop);
        bool done = false;
        bool begun = false;
        loop.detach([&] { done = true; });
        loop.post([&] {
            begun = true;
            state.begin_work();  // as opening a socket does
        });
        for (int i = 0; i < 5; ++i) {
            host.run(UV_RUN_NOWAIT);
        }
        CHECK(begun);
        REQUIRE_FALSE(done);
        state.end_work();
        host.run();
        CHECK(done);
    }

    TEST_CASE("the destructor does the same, and the host may go on or close at once") {
        Host host;
        int inside = 0;
        {
            Loop loop(host.uv());
            for (int i = 0; i < 10; ++i) {
                loop.spawn([&] {
                    ++inside;
                    try {
                        co_sleep(1h);
                    } catch (const Cancelled&) {
                        --inside;
                        throw;
                    }
                });
            }
            while (inside < 10) {
                host.run(UV_RUN_NOWAIT);
            }
        }
        host.run();
        CHECK(inside == 0);
        CHECK(host.handles() == 0);
        CHECK(host.close() == 0);
    }

    TEST_CASE("a host that runs its loop a few turns in its shutdown sees it end") {
        Host host;
        bool done = false;
        Loop loop(host.uv());
        for (int i = 0; i < 10; ++i) {
            loop.spawn([] { co_sleep(1h); });
        }
        host.run(UV_RUN_NOWAIT);
        loop.detach([&] { done = true; });
        int turns = 0;
        while (!done && turns < 100) {
            host.run(UV_RUN_NOWAIT);
            ++turns;
        }
        CHECK(turns <= 3);
    }

    TEST_CASE("a new Loop may be attached while the old one is still leaving") {
        Host host;
        bool old_has_left = false;
        CoQueue queue;
        Loop old(host.uv());
        old.spawn([&] {
            try {
                co_sleep(1h);
            } catch (const Cancelled&) {
                coloop::uncancellable([&] { queue.wait(); });
                throw;
            }
        });
        host.run(UV_RUN_NOWAIT);
        old.detach([&] { old_has_left = true; });
        Loop next(host.uv());
        bool ended = false;
        next.spawn([&] {
            co_sleep(1ms);
            CHECK(!old_has_left);
            queue.wake_one();
            while (!old_has_left) {
                co_sleep_ns(0);
            }
            ended = true;
        });
        host.run();
        CHECK(ended);
        next.detach();
        host.run();
    }
}

TEST_SUITE("several Loops") {
    TEST_CASE("on one uv loop share coroutines and handles until the last has left") {
        Host host;
        std::optional<Loop> first(std::in_place, host.uv());
        const int handles = host.handles();
        Loop second(host.uv());
        CHECK(host.handles() == handles);

        bool ended = false;
        first->spawn([&] {
            co_sleep(3ms);
            ended = true;
        });
        host.run(UV_RUN_NOWAIT);
        bool done = false;
        first->detach([&] { done = true; });
        first.reset();
        host.run();
        CHECK(done);
        CHECK(ended);  // not cancelled: the other one is still there
        CHECK(host.handles() == handles);

        second.detach();
        host.run();
        CHECK(host.handles() == 0);
    }

    TEST_CASE("on one thread keep their coroutines apart, which may wake each other") {
        Host left;
        Host right;
        Loop left_loop(left.uv());
        Loop right_loop(right.uv());
        CoQueue ping;
        CoQueue pong;
        int rounds = 0;
        left_loop.spawn([&] {
            for (; rounds < 100; ++rounds) {
                CHECK(Loop::current_uv() == left.uv());
                ping.wake_one();
                pong.wait();
            }
            ping.wake_one();
        });
        right_loop.spawn([&] {
            while (rounds < 100) {
                CHECK(Loop::current_uv() == right.uv());
                pong.wake_one();
                ping.wait();
            }
            pong.wake_one();
        });
        for (int turn = 0; turn < 1000 && rounds < 100; ++turn) {
            left.run(UV_RUN_NOWAIT);
            right.run(UV_RUN_NOWAIT);
        }
        CHECK(rounds == 100);
        left_loop.detach();
        right_loop.detach();
        left.run();
        right.run();
    }
}

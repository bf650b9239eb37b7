// SPDX-License-Identifier: MIT
#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <coloop/coloop.hpp>

#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/pool.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;

TEST_SUITE("run_blocking") {
    TEST_CASE("the function runs on another thread, and its value comes back") {
        run_in_loop([] {
            const std::thread::id here = std::this_thread::get_id();
            const std::thread::id there = run_blocking([] { return std::this_thread::get_id(); });
            CHECK(there != here);
            CHECK(run_blocking([] { return std::string("text"); }) == "text");
            int changed = 0;
            run_blocking([&] { changed = 1; });
            CHECK(changed == 1);
        });
    }

    TEST_CASE("functions and values that only move are fine") {
        run_in_loop([] {
            auto number = std::make_unique<int>(7);
            const std::unique_ptr<int> back =
                run_blocking([number = std::move(number)]() mutable { return std::move(number); });
            CHECK(*back == 7);
        });
    }

    TEST_CASE("what the function throws is thrown in the caller") {
        run_in_loop([] {
            CHECK_THROWS_WITH_AS(run_blocking([] { throw std::runtime_error("not today"); }),
                                 "not today", std::runtime_error);
            CHECK_THROWS_AS(run_blocking([]() -> int { throw 5; }), int);
        });
    }

    TEST_CASE("the loops of several threads share the pool") {
        constexpr int each = 50;
        std::atomic<int> called = 0;
        std::atomic<int> came_back = 0;
        const auto work = [&] {
            run([&] {
                const std::thread::id here = std::this_thread::get_id();
                TaskGroup group;
                for (int i = 0; i < each; ++i) {
                    group.spawn([&] {
                        run_blocking([&] { ++called; });
                        came_back += std::this_thread::get_id() == here ? 1 : 0;
                    });
                }
                group.wait();
            });
        };
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back(work);
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        CHECK(called == 4 * each);
        CHECK(came_back == 4 * each);
    }

    TEST_CASE("others run meanwhile") {
        run_in_loop([] {
            std::latch seen(1);
            TaskGroup group;
            group.spawn([&] { seen.count_down(); });
            run_blocking([&] { seen.wait(); });
        });
    }

    TEST_CASE("one thread of the pool is left for files") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            REQUIRE(blocking_permits().available() == pool_threads - 1);
            std::latch over(1);
            std::atomic<int> running = 0;
            TaskGroup group;
            for (int i = 0; i < 10; ++i) {
                group.spawn([&] {
                    run_blocking([&] {
                        ++running;
                        over.wait();
                    });
                });
            }
            co_sleep_ns(0);
            for (int i = 0; i < 20; ++i) {
                fs::write_file(directory / "file", "text");
            }
            CHECK(running <= 3);
            over.count_down();
            group.wait();
            CHECK(running == 10);
            CHECK(blocking_permits().available() == pool_threads - 1);
        });
    }

    TEST_CASE("a cancelled caller waits for a function that uses its variables") {
        run_in_loop([] {
            std::latch begun(1);
            std::latch over(1);
            bool ended = false;
            int value = 0;
            TaskGroup group;
            group.spawn([&] {
                value = run_blocking([&] {
                    begun.count_down();
                    over.wait();
                    return 7;
                });
                CHECK_THROWS_AS(check_cancelled(), Cancelled);
                ended = true;
            });
            co_sleep_ns(0);
            begun.wait();
            group.cancel();
            for (int i = 0; i < 5; ++i) {
                co_sleep_ns(0);
            }
            CHECK(!ended);
            over.count_down();
            group.wait();
            CHECK(value == 7);
        });
    }

    TEST_CASE("a cancelled caller leaves an abandonable function behind") {
        struct State {
            std::latch begun{1};
            std::latch over{1};
            std::atomic<bool> ended = false;
            std::thread::id destroyed_on;
        };

        const auto state = std::make_shared<State>();

        struct Watch {
            std::shared_ptr<State> state;
            bool real = true;

            explicit Watch(std::shared_ptr<State> watched) : state(std::move(watched)) {}

            Watch(Watch&& other) noexcept
                : state(other.state), real(std::exchange(other.real, false)) {}

            ~Watch() {
                if (real) {
                    state->destroyed_on = std::this_thread::get_id();
                }
            }
        };

        run_in_loop([&] {
            TaskGroup group;
            group.spawn([&] {
                run_blocking(abandonable, [watch = Watch(state)] {
                    watch.state->begun.count_down();
                    watch.state->over.wait();
                    watch.state->ended = true;
                    throw std::runtime_error("nobody hears this");
                });
            });
            co_sleep_ns(0);
            state->begun.wait();
            group.cancel();
            group.wait();
            CHECK(!state->ended);
            CHECK(blocking_permits().available() == pool_threads - 2);
            state->over.count_down();
        });
        CHECK(state->ended);
        CHECK(state->destroyed_on == std::this_thread::get_id());
        CHECK(state.use_count() == 1);
        CHECK(blocking_permits().available() == pool_threads - 1);
    }

    TEST_CASE("a function that no thread has begun with is not called after its caller left") {
        run_in_loop([] {
            std::atomic<int> calls = 0;
            TaskGroup group;
            const BusyPool busy;
            for (int i = 0; i < 10; ++i) {
                group.spawn([&] { run_blocking([&] { ++calls; }); });
                group.spawn([&] { run_blocking(abandonable, [] { FAIL("was called"); }); });
            }
            co_sleep_ns(0);
            group.cancel();
            group.wait();
            CHECK(calls == 0);
            CHECK(blocking_permits().available() == pool_threads - 1);
        });
    }

    TEST_CASE("waiting in the function is misuse, and so is calling it outside a coroutine") {
        expect_misuse([] { run([] { run_blocking([] { co_sleep_ns(1); }); }); },
                      "cannot sleep outside a coroutine");
        expect_misuse([] { run_blocking([] {}); },
                      "cannot run a blocking function outside a coroutine");
    }
}

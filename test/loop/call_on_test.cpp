// SPDX-License-Identifier: MIT
//
// Calls between loops of different threads. Run these under the thread sanitizer.
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/call_on.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/bystander.hpp"
#include "support/expect_misuse.hpp"
#include "support/loop_thread.hpp"
#include "support/random.hpp"
#include "support/run_in_loop.hpp"
#include "support/waiting.hpp"

using namespace std::chrono_literals;

using coloop::Bystander;
using coloop::call_on;
using coloop::Cancelled;
using coloop::checkpoint;
using coloop::co_sleep;
using coloop::CoQueue;
using coloop::Loop;
using coloop::LoopThread;
using coloop::run_in_loop;
using coloop::TaskGroup;
using coloop::wait_for_ever;

namespace {

/// What an Error thrown by `function()` says.
template <typename Function>
std::string error_of(Function&& function) {
    try {
        function();
    } catch (const coloop::Error& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_SUITE("call_on") {
    TEST_CASE("calls on the other thread and returns on the caller's what the function returns") {
        LoopThread other;
        run_in_loop([&] {
            const auto home = std::this_thread::get_id();
            int number = 0;
            CHECK(call_on(other.loop(), [] { return std::this_thread::get_id(); }) == other.id());
            CHECK(std::this_thread::get_id() == home);
            CHECK(*call_on(other.loop(), [] { return std::make_unique<int>(1); }) == 1);
            CHECK(&call_on(other.loop(), [&]() -> int& { return number; }) == &number);
            call_on(other.loop(), [&] {
                co_sleep(1ms);
                number = 2;
            });
            CHECK(number == 2);
        });
    }

    TEST_CASE("throws on the caller's thread what the function throws") {
        LoopThread other;
        run_in_loop([&] {
            CHECK_THROWS_WITH_AS(call_on(other.loop(), [] { throw std::runtime_error("oops"); }),
                                 "oops", std::runtime_error);
        });
    }

    TEST_CASE("gives the function a name and a stack of its own") {
        LoopThread other;
        run_in_loop([&] {
            CHECK(call_on(other.loop(),
                          [] { return std::string(coloop::Coroutine::self()->name()); },
                          {.name = "remote"}) == "remote");
            const std::string text = error_of([&] {
                call_on(other.loop(), [] {}, {.name = "big", .stack_size = std::size_t{1} << 62});
            });
            CHECK(text.starts_with("create coroutine big: "));
        });
    }

    TEST_CASE("works on the caller's own loop") {
        run_in_loop([] {
            Loop loop(Loop::current_uv());
            CHECK(call_on(loop, [] {
                      checkpoint();
                      return 1;
                  }) == 1);
            CHECK_THROWS_WITH(call_on(loop, [] { throw std::runtime_error("oops"); }), "oops");
            CHECK_THROWS_AS(coloop::with_timeout(1ms, [&] { call_on(loop, wait_for_ever); }),
                            coloop::TimedOut);
        });
    }

    TEST_CASE("lets others run on both loops meanwhile, and calls may cross each other") {
        constexpr int calls = 200;
        LoopThread left;
        LoopThread right;
        run_in_loop([&] {
            int sum = 0;
            TaskGroup group;
            for (int i = 0; i < calls; ++i) {
                group.spawn([&, i] {
                    Loop& near = i % 2 == 0 ? left.loop() : right.loop();
                    Loop& far = i % 2 == 0 ? right.loop() : left.loop();
                    sum += call_on(near, [&] { return call_on(far, [&] { return i; }); });
                });
            }
            group.wait();
            CHECK(sum == calls * (calls - 1) / 2);
        });
    }

    TEST_CASE("a cancelled caller cancels the function and goes on when that has ended") {
        LoopThread other;
        run_in_loop([&] {
            std::string steps;  // belongs to the function as long as that runs
            CHECK_THROWS_AS(
                coloop::with_timeout(2ms,
                                     [&] {
                                         call_on(other.loop(), [&] {
                                             try {
                                                 wait_for_ever();
                                             } catch (const Cancelled&) {
                                                 coloop::uncancellable([] { co_sleep(2ms); });
                                                 steps += 'c';
                                                 throw;
                                             }
                                         });
                                     }),
                coloop::TimedOut);
            CHECK(steps == "c");
        });
    }

    TEST_CASE("a result that comes in spite of the cancelling counts, and so does a failure") {
        LoopThread other;
        run_in_loop([&] {
            const auto stubborn = [] {
                try {
                    wait_for_ever();
                } catch (const Cancelled&) {
                }
                return 3;
            };
            CHECK(coloop::move_on_after(1ms, [&] { return call_on(other.loop(), stubborn); }) == 3);
            CHECK_THROWS_WITH(coloop::move_on_after(1ms,
                                                    [&] {
                                                        call_on(other.loop(), [&] {
                                                            stubborn();
                                                            throw std::runtime_error("oops");
                                                        });
                                                    }),
                              "oops");
        });
    }

    TEST_CASE("in a cancelled scope calls nobody") {
        LoopThread other;
        run_in_loop([&] {
            bool called = false;
            CHECK(
                !coloop::move_on_after(0s, [&] { call_on(other.loop(), [&] { called = true; }); }));
            CHECK(!called);
        });
    }

    TEST_CASE("cancelled at any moment, it has either run to its end or been cut short") {
        LoopThread other;
        run_in_loop([&] {
            coloop::Random random(1);
            for (int round = 0; round < 300; ++round) {
                bool ended = false;
                bool cut_short = false;
                const auto pause = std::chrono::nanoseconds(random.next() % 100'000);
                const bool in_time = coloop::move_on_after(pause, [&] {
                    call_on(other.loop(), [&] {
                        try {
                            for (int i = 0; i < round % 20; ++i) {
                                checkpoint();
                            }
                            ended = true;
                        } catch (const Cancelled&) {
                            cut_short = true;
                            throw;
                        }
                    });
                });
                CHECK(in_time == ended);
                CHECK(!(ended && cut_short));
            }
        });
    }

    TEST_CASE("a function that is cut short because its loop ends is an error to the caller") {
        auto other = std::make_unique<LoopThread>();
        run_in_loop([&] {
            std::string text;
            Bystander caller([&] {
                text = error_of([&] { call_on(other->loop(), wait_for_ever, {.name = "remote"}); });
            });
            Bystander begun([&] { call_on(other->loop(), [] {}); });
            CHECK(begun.outcome().empty());
            other->stop();
            CHECK(caller.outcome().empty());
            CHECK(text == "call on another loop remote: operation canceled");
        });
    }

    TEST_CASE("a loop that is being left is an error that says so, before and after it is gone") {
        std::optional<Loop> guest;
        uv_loop_t uv;
        std::string text;
        std::thread host;
        coloop::CoQueue ready;
        Loop home;
        home.spawn([&] {
            const Loop::KeepAlive alive(home);
            host = std::thread([&] {
                uv_loop_init(&uv);
                guest.emplace(&uv);
                guest->detach();
                uv_run(&uv, UV_RUN_DEFAULT);
                home.post([&] { ready.wake_one(); });
            });
            ready.wait();
            text = error_of([&] { call_on(*guest, [] {}, {.name = "late"}); });
        });
        CHECK(home.run());
        host.join();
        CHECK(text == "call on a loop that is being left late: closed");
        CHECK(uv_loop_close(&uv) == 0);
    }

    TEST_CASE("a caller whose loop ends cancels the function, and that loop waits for it") {
        LoopThread other;
        std::string steps;
        std::exception_ptr failure;
        {
            Loop home;
            home.spawn([&] {
                call_on(other.loop(), [&] {
                    try {
                        home.post([uv = home.uv()] { uv_stop(uv); });
                        wait_for_ever();
                    } catch (const Cancelled&) {
                        coloop::uncancellable([] { co_sleep(1ms); });
                        steps += 'c';
                        throw;
                    }
                });
                steps += 'x';
            });
            home.run();
        }
        CHECK(steps == "c");
    }

    TEST_CASE("both loops may end at any moment, and every call then ends in one of its ways") {
        coloop::Random random(2);
        for (int round = 0; round < 40; ++round) {
            auto other = std::make_unique<LoopThread>();
            int returned = 0;
            int failed = 0;
            int cancelled = 0;
            const int calls = 10;
            {
                Loop home;
                Loop& there = other->loop();
                const auto stop_home = std::chrono::nanoseconds(random.next() % 400'000);
                const auto stop_there = std::chrono::nanoseconds(random.next() % 400'000);
                for (int i = 0; i < calls; ++i) {
                    home.spawn([&, i] {
                        try {
                            call_on(there, [i] { co_sleep(std::chrono::microseconds(i * 30)); });
                            ++returned;
                        } catch (const coloop::Error&) {
                            ++failed;
                        } catch (const Cancelled&) {
                            ++cancelled;
                            throw;
                        }
                    });
                }
                home.spawn([&] {
                    co_sleep(stop_there);
                    other->stop();
                });
                home.spawn([&, uv = home.uv()] {
                    co_sleep(stop_home);
                    uv_stop(uv);
                });
                home.run();
            }
            CHECK(returned + failed + cancelled == calls);
        }
    }

    TEST_CASE("outside a coroutine is misuse") {
        coloop::expect_misuse(
            [] {
                Loop loop;
                call_on(loop, [] {});
            },
            "cannot call a function on another loop outside a coroutine");
    }
}

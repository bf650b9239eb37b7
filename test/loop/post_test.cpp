// SPDX-License-Identifier: MIT
//
// Where threads meet a Loop. Run these under the thread sanitizer.
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/co_queue.hpp>
#include <coloop/completion.hpp>
#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>

#include "support/run_in_loop.hpp"

using namespace std::chrono_literals;

using coloop::co_sleep;
using coloop::co_sleep_ns;
using coloop::Loop;
using coloop::TaskGroup;

TEST_SUITE("Loop::post") {
    TEST_CASE("runs all that many threads post, each thread's in its order") {
        constexpr std::size_t threads = 8;
        constexpr int posts = 10'000;
        Loop loop;
        std::vector<int> next(threads, 0);
        bool in_order = true;
        std::size_t finished = 0;
        coloop::CoQueue all_finished;
        std::vector<std::thread> posters;
        loop.spawn([&] {
            const Loop::KeepAlive alive(loop);
            for (std::size_t thread = 0; thread < threads; ++thread) {
                posters.emplace_back([&, thread] {
                    for (int i = 0; i < posts; ++i) {
                        loop.post([&, thread, i] {
                            in_order = in_order && next[thread] == i;
                            if (++next[thread] == posts && ++finished == threads) {
                                all_finished.wake_one();
                            }
                        });
                    }
                });
            }
            all_finished.wait();
        });
        CHECK(loop.run());
        for (std::thread& poster : posters) {
            poster.join();
        }
        CHECK(in_order);
        CHECK(next == std::vector<int>(threads, posts));
    }

    TEST_CASE("wakes a loop that blocks") {
        Loop loop;
        std::thread poster;
        bool woken = false;
        loop.spawn([&] {
            const Loop::KeepAlive alive(loop);
            coloop::Completion<int> answer;
            poster = std::thread([&] {
                uv_sleep(5);  // the loop blocks by now
                loop.post([&] { answer.set(1); });
            });
            woken = answer.wait() == 1;
        });
        CHECK(loop.run());
        poster.join();
        CHECK(woken);
    }

    TEST_CASE("before run runs the function, also if it came from another thread") {
        Loop loop;
        bool ran = false;
        std::thread([&] { loop.post([&] { ran = true; }); }).join();
        CHECK(loop.run());
        CHECK(ran);
    }

    TEST_CASE("lets a posted function spawn and wake on the loop's thread") {
        Loop loop;
        const auto home = std::this_thread::get_id();
        std::thread poster;
        std::string events;
        loop.spawn([&] {
            const Loop::KeepAlive alive(loop);
            coloop::CoQueue queue;
            poster = std::thread([&] {
                loop.post([&] {
                    loop.spawn([&] {
                        events += std::this_thread::get_id() == home ? 'h' : 'x';
                        queue.wake_one();
                    });
                });
            });
            queue.wait();
            events += 'w';
        });
        CHECK(loop.run());
        poster.join();
        CHECK(events == "hw");
    }

    TEST_CASE("may race with the loop's end, and then each function has run or is gone") {
        for (int round = 0; round < 50; ++round) {
            auto token = std::make_shared<int>(1);
            std::atomic<bool> stop = false;
            uv_loop_t uv;
            uv_loop_init(&uv);
            {
                Loop loop(&uv);
                std::thread poster([&] {
                    while (!stop) {
                        loop.post([token] {});
                    }
                });
                bool left = false;
                loop.spawn([&] {
                    co_sleep_ns(1000 * (round % 10));
                    loop.detach([&] { left = true; });
                });
                while (!left) {
                    uv_run(&uv, UV_RUN_ONCE);
                }
                uv_run(&uv, UV_RUN_DEFAULT);
                CHECK(uv_loop_close(&uv) == 0);
                stop = true;
                poster.join();
            }
            CHECK(token.use_count() == 1);
        }
    }
}

TEST_SUITE("Loop::KeepAlive") {
    TEST_CASE("keeps run from returning while it exists, and two do so as long as one is left") {
        Loop loop;
        std::optional<Loop::KeepAlive> first(std::in_place, loop);
        std::optional<Loop::KeepAlive> second(std::in_place, loop);
        std::string events;
        std::thread poster([&] {
            uv_sleep(1);
            loop.post([&] {
                events += 'a';
                first.reset();
            });
            uv_sleep(1);
            loop.post([&] {
                events += 'b';
                second.reset();
            });
        });
        CHECK(loop.run());
        poster.join();
        CHECK(events == "ab");
    }
}

TEST_SUITE("loops on several threads") {
    TEST_CASE("run beside each other and meet by posting") {
        constexpr int rounds = 1000;
        std::optional<Loop> ping(std::in_place);
        std::atomic<Loop*> pong_address = nullptr;
        int pings = 0;
        int pongs = 0;
        std::thread other;
        ping->spawn([&] {
            const Loop::KeepAlive alive(*ping);
            coloop::CoQueue answered;
            other = std::thread([&] {
                Loop pong;
                pong.spawn([&] {
                    const Loop::KeepAlive pong_alive(pong);
                    pong_address = &pong;
                    ping->post([&] { answered.wake_one(); });
                    while (pongs < rounds) {
                        co_sleep(100us);
                    }
                });
                pong.run();
            });
            answered.wait();
            for (int i = 0; i < rounds; ++i) {
                coloop::Completion<int> answer;
                Loop* pong = pong_address;
                pong->post([&, i] {
                    ping->post([&, i] { answer.set(i); });
                    ++pongs;
                });
                pings += answer.wait() == i ? 1 : 0;
            }
        });
        CHECK(ping->run());
        other.join();
        CHECK(pings == rounds);
        CHECK(pongs == rounds);
    }

    TEST_CASE("keep their coroutines, sleeps and timeouts apart") {
        std::vector<std::thread> threads;
        std::atomic<int> ended = 0;
        for (int thread = 0; thread < 4; ++thread) {
            threads.emplace_back([&] {
                Loop loop;
                for (int i = 0; i < 200; ++i) {
                    loop.spawn([&, i] {
                        TaskGroup group;
                        group.spawn([i] { co_sleep_ns(1000 * i); });
                        co_sleep_ns(0);
                        group.wait();
                        ++ended;
                    });
                }
                loop.run();
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        CHECK(ended == 800);
    }
}

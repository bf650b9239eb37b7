// SPDX-License-Identifier: MIT
//
// How a Loop ends: cancelling, destroying, and what is refused.
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "loop/loop_state.hpp"
#include "support/death.hpp"
#include "support/expect_misuse.hpp"
#include "support/waiting.hpp"

using namespace std::chrono_literals;

using coloop::Cancelled;
using coloop::co_sleep;
using coloop::co_sleep_ns;
using coloop::CoQueue;
using coloop::Death;
using coloop::die;
using coloop::expect_misuse;
using coloop::Inside;
using coloop::Loop;
using coloop::TaskGroup;
using coloop::wait_for_ever;

namespace {

bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("Loop::cancel") {
    TEST_CASE("ends all that was spawned, those too that are spawned later") {
        Loop loop;
        int inside = 0;
        std::string steps;
        for (int i = 0; i < 10; ++i) {
            loop.spawn([&] {
                const Inside here(inside);
                TaskGroup group;
                group.spawn([&] {
                    const Inside below(inside);
                    co_sleep(1h);
                });
                group.wait();
            });
        }
        loop.spawn([&] {
            for (int i = 0; i < 3; ++i) {
                co_sleep_ns(0);
            }
            CHECK(inside == 20);
            loop.cancel();
            loop.spawn([&] {
                steps += 'a';
                co_sleep_ns(0);
                steps += 'b';
            });
        });
        CHECK(loop.run());
        CHECK(inside == 0);
        CHECK(steps == "a");
    }

    TEST_CASE("may be called from a callback and again") {
        Loop loop;
        bool cancelled = false;
        loop.spawn([&] {
            try {
                co_sleep(1h);
            } catch (const Cancelled&) {
                cancelled = true;
                throw;
            }
        });
        loop.post([&] {
            loop.cancel();
            loop.cancel();
        });
        CHECK(loop.run());
        CHECK(cancelled);
    }
}

TEST_SUITE("~Loop") {
    TEST_CASE("cancels the coroutines that are left and lets them unwind, with waits") {
        int inside = 0;
        std::string events;
        {
            Loop loop;
            loop.spawn([&] {
                const Inside here(inside);
                try {
                    co_sleep(1h);
                } catch (const Cancelled&) {
                    coloop::uncancellable([] { co_sleep(2ms); });
                    events += 'c';
                    throw;
                }
            });
            loop.spawn([&] { uv_stop(loop.uv()); });
            CHECK(loop.run());
            CHECK(inside == 1);
        }
        CHECK(inside == 0);
        CHECK(events == "c");
    }

    TEST_CASE("of a loop that never ran lets its coroutines run to their first wait") {
        std::string steps;
        auto token = std::make_shared<int>(1);
        {
            Loop loop;
            loop.spawn([&steps, token] {
                steps += 'a';
                co_sleep_ns(0);
                steps += 'b';
            });
        }
        CHECK(steps == "a");
        CHECK(token.use_count() == 1);
    }

    TEST_CASE("at any step of a busy run leaves nothing behind") {
        for (int last = 1; last <= 200; ++last) {
            CAPTURE(last);
            int inside = 0;
            int steps = 0;
            std::optional<Loop> loop(std::in_place);
            const auto step = [&] {
                if (++steps == last) {
                    uv_stop(loop->uv());
                }
            };
            CoQueue queue;
            coloop::CoMutex mutex;
            loop->spawn([&] {
                const Inside here(inside);
                TaskGroup group;
                for (int i = 0; i < 5; ++i) {
                    group.spawn([&, i] {
                        const Inside below(inside);
                        for (int turn = 0; turn < 8; ++turn) {
                            step();
                            {
                                const std::lock_guard held(mutex);
                                co_sleep_ns(i == 0 && turn == 0 ? 10'000 : 0);
                            }
                            step();
                            queue.wake_one();
                            coloop::move_on_after(100us, [&] {
                                const Inside deep(inside);
                                queue.wait();
                            });
                            step();
                        }
                    });
                }
                group.wait();
                for (int turn = 0; turn < 80; ++turn) {
                    step();
                    co_sleep_ns(0);
                }
            });
            CHECK(loop->run());
            CHECK(steps >= last);
            loop.reset();
            CHECK(inside == 0);
            CHECK(queue.empty());
        }
    }

    TEST_CASE("runs what was posted before, and the functions then see a loop that is being left") {
        std::string events;
        {
            Loop loop;
            loop.post([&] {
                events += 'a';
                if (!loop.spawn([] {}, {.name = "late"}, std::nothrow)) {
                    events += 'r';
                }
                loop.post([&] { events += 'b'; });
            });
        }
        CHECK(events.substr(0, 2) == "ar");
    }

    TEST_CASE("refuses new coroutines from those that unwind, with an Error") {
        std::string text;
        std::string group_text;
        {
            Loop loop;
            loop.spawn([&] {
                try {
                    co_sleep(1h);
                } catch (const Cancelled&) {
                    const auto refused = loop.spawn([] {}, {.name = "late"}, std::nothrow);
                    CHECK(refused.error().code() == coloop::Errc::closed);
                    text = refused.error().what();
                    TaskGroup group;
                    CHECK_THROWS_AS(group.spawn([] {}), coloop::Error);
                    throw;
                }
            });
            loop.spawn([&] { uv_stop(loop.uv()); });
            CHECK(loop.run());
        }
        CHECK(contains(text, "spawn on a loop that is being left late: "));
    }

    TEST_CASE("waits for handles that others are closing and for their requests") {
        bool closed = false;
        bool answered = false;
        uv_timer_t timer;
        uv_work_t work;
        timer.data = &closed;
        work.data = &answered;
        {
            const Loop loop;
            uv_timer_init(loop.uv(), &timer);
            uv_close(reinterpret_cast<uv_handle_t*>(&timer),
                     [](uv_handle_t* handle) { *static_cast<bool*>(handle->data) = true; });
            uv_queue_work(
                loop.uv(), &work, [](uv_work_t*) { uv_sleep(2); },
                [](uv_work_t* done, int) { *static_cast<bool*>(done->data) = true; });
        }
        CHECK(closed);
        CHECK(answered);
    }

    TEST_CASE("is misuse while others have handles open on it, and does not run these for ever") {
        const doctest::String words = coloop::last_words([] {
            uv_timer_t timer;
            {
                const Loop loop;
                uv_timer_init(loop.uv(), &timer);
                uv_timer_start(
                    &timer, [](uv_timer_t*) {}, 1, 1);
            }
        });
        CHECK(words == doctest::Contains("timer"));
        CHECK(words == doctest::Contains("coloop: a Loop was destroyed while the libuv handles "
                                         "above were open on it; close them first"));
    }

    TEST_CASE("is misuse while a coroutine does not end although it was cancelled") {
        const doctest::String words = coloop::last_words([] {
            Loop loop;
            loop.spawn([] { coloop::uncancellable(wait_for_ever); }, {.name = "stubborn"});
        });
        CHECK(words == doctest::Contains("\"stubborn\" waits"));
        CHECK(words == doctest::Contains("that do not end when cancelled"));
    }

    TEST_CASE("is misuse while an object of it lives on, and does not wait for that for ever") {
        const doctest::String words = coloop::last_words([] {
            uv_timer_t timer;
            Loop loop;
            loop.spawn([&] {
                coloop::LoopState::current("make an object").begin_work();  // as a stream does
                uv_timer_init(Loop::current_uv(), &timer);
                uv_timer_start(
                    &timer, [](uv_timer_t*) {}, 1, 1);
            });
        });
        CHECK(words == doctest::Contains("or while objects of it exist"));
    }

    TEST_CASE("is misuse in one of its coroutines, in a callback, and while it is shared") {
        expect_misuse(
            [] {
                auto loop = std::make_unique<Loop>();
                loop->spawn([&] { loop.reset(); }, {.name = "sawyer"});
                loop->run();
            },
            "destroy a Loop: not possible in coroutine \"sawyer\"");
        expect_misuse(
            [] {
                auto loop = std::make_unique<Loop>();
                loop->post([&] { loop.reset(); });
                loop->run();
            },
            "destroy a Loop: the loop runs already");
        expect_misuse(
            [] {
                auto loop = std::make_unique<Loop>();
                const Loop guest(loop->uv());
                loop.reset();
            },
            "another one shares its uv loop; destroy that first");
    }

    TEST_CASE("is misuse while a coroutine that was not spawned waits on it") {
        expect_misuse(
            [] {
                CoQueue queue("wait for a bus");
                std::optional<Loop> loop(std::in_place);
                coloop::Coroutine bare([&] { queue.wait(); }, {.name = "passenger"});
                bare.enter();
                loop.reset();
            },
            "coroutine \"passenger\" waits: wait for a bus, but the Loop that would run it again "
            "is gone");
    }

    TEST_CASE("leaves alone what was not spawned and only yielded") {
        std::optional<Loop> loop(std::in_place);
        CoQueue queue;
        std::string steps;
        coloop::Coroutine bare([&] {
            coloop::Coroutine::yield();
            steps += 'a';
            queue.wait();
            steps += 'b';
        });
        bare.enter();
        loop.reset();
        bare.enter();
        CHECK(steps == "a");
        queue.wake_one();
        CHECK(coloop::run_ready() == 1);
        CHECK(steps == "ab");
    }

    TEST_CASE("a coroutine may be made without a loop after the last Loop is gone") {
        { const Loop loop; }
        bool ran = false;
        coloop::Coroutine bare([&] { ran = true; });
        bare.enter();
        CHECK(ran);
    }
}

TEST_SUITE("misuse of a Loop") {
    TEST_CASE("running it in a coroutine") {
        expect_misuse(
            [] {
                Loop loop;
                loop.spawn([&] { loop.run(); }, {.name = "driver"});
                loop.run();
            },
            "run a Loop: not possible in coroutine \"driver\"; a loop is run outside coroutines");
        expect_misuse(
            [] {
                Loop loop;
                loop.spawn([&] { uv_run(loop.uv(), UV_RUN_NOWAIT); }, {.name = "driver"});
                loop.run();
            },
            "uv_run() was called in coroutine \"driver\"");
    }

    TEST_CASE("running it in a callback of its own") {
        expect_misuse(
            [] {
                Loop loop;
                loop.post([&] { loop.run(); });
                loop.run();
            },
            "run a Loop: the loop runs already");
    }

    TEST_CASE("running one that is borrowed") {
        expect_misuse(
            [] {
                Loop loop(uv_default_loop());
                loop.run();
            },
            "run: this Loop has borrowed its uv loop, which is run by its owner");
    }

    TEST_CASE("detaching one that owns its loop") {
        expect_misuse([] { Loop().detach(); }, "owns its uv loop; destroy it instead");
    }

    TEST_CASE("using it on another thread") {
        const auto on_another_thread = [](void (*use)(Loop&)) {
            return [use] {
                Loop loop;
                std::thread([&] { use(loop); }).join();
            };
        };
        expect_misuse(on_another_thread([](Loop& loop) { loop.spawn([] {}); }),
                      "spawn: the Loop belongs to another thread; post() a function to it");
        expect_misuse(on_another_thread([](Loop& loop) { loop.run(); }),
                      "run a Loop: the Loop belongs to another thread");
        expect_misuse(on_another_thread([](Loop& loop) { const Loop::KeepAlive alive(loop); }),
                      "keep a loop alive: the Loop belongs to another thread");
    }

    TEST_CASE("asking for the current loop where there is none") {
        expect_misuse([] { static_cast<void>(Loop::current_uv()); },
                      "cannot use the loop outside a coroutine");
    }

    TEST_CASE("letting an exception out of a coroutine that has no owner") {
        const Death death = die([] {
            Loop loop;
            loop.spawn([] { throw std::runtime_error("lost"); }, {.name = "orphan"});
            loop.run();
        });
        CHECK(death.signal == SIGABRT);
        CHECK(contains(death.words, "an exception left coroutine \"orphan\""));
    }
}

TEST_SUITE("Loop::Loop") {
#if !defined(COLOOP_ASAN)  // which needs files itself
    TEST_CASE("throws an Error if the system has no more files") {
        const Death death = die([] {
            const rlimit none{3, 3};
            setrlimit(RLIMIT_NOFILE, &none);
            try {
                const Loop loop;
            } catch (const coloop::Error& error) {
                fputs(error.what(), stderr);
                _exit(error.code() == std::errc::too_many_files_open ? 0 : 1);
            }
            _exit(2);
        });
        CHECK(death.exit_code == 0);
        CHECK(death.words == "create a loop: too many open files");
    }
#endif

    TEST_CASE("ignores SIGPIPE unless somebody handles it") {
        const Death death = die([] {
            struct sigaction action {};

            signal(SIGPIPE, SIG_DFL);
            { const Loop loop; }
            sigaction(SIGPIPE, nullptr, &action);
            const bool ignored = action.sa_handler == SIG_IGN;
            const auto handler = [](int) {};
            signal(SIGPIPE, handler);
            { const Loop loop; }
            sigaction(SIGPIPE, nullptr, &action);
            _exit(ignored && action.sa_handler == static_cast<void (*)(int)>(handler) ? 0 : 1);
        });
        CHECK(death.exit_code == 0);
    }
}

// SPDX-License-Identifier: MIT
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <uv.h>

#include <coloop/interop.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/bystander.hpp"
#include "support/expect_misuse.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;
using namespace std::chrono_literals;

namespace {

/// A lazy task, as libraries of C++20 coroutines have them.
template <typename T>
class Work {
public:
    struct promise_type {
        Work get_return_object() {
            return Work(std::coroutine_handle<promise_type>::from_promise(*this));
        }

        std::suspend_always initial_suspend() noexcept { return {}; }

        auto final_suspend() noexcept {
            struct Back {
                bool await_ready() noexcept { return false; }

                std::coroutine_handle<> await_suspend(
                    std::coroutine_handle<promise_type> self) noexcept {
                    return self.promise().caller;
                }

                void await_resume() noexcept {}
            };

            return Back{};
        }

        void return_value(T result) { value = std::move(result); }

        void unhandled_exception() { failure = std::current_exception(); }

        std::coroutine_handle<> caller;
        std::optional<T> value;
        std::exception_ptr failure;
    };

    Work(Work&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

    Work& operator=(Work&&) = delete;

    ~Work() {
        if (handle_) {
            handle_.destroy();
        }
    }

    auto operator co_await() noexcept {
        struct Start {
            std::coroutine_handle<promise_type> handle;

            bool await_ready() noexcept { return false; }

            std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
                handle.promise().caller = caller;
                return handle;
            }

            T await_resume() {
                if (handle.promise().failure) {
                    std::rethrow_exception(handle.promise().failure);
                }
                return *std::move(handle.promise().value);
            }
        };

        return Start{handle_};
    }

private:
    explicit Work(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

    std::coroutine_handle<promise_type> handle_;
};

/// A C++20 coroutine that nobody waits for.
struct Detached {
    struct promise_type {
        Detached get_return_object() noexcept { return {}; }

        std::suspend_never initial_suspend() noexcept { return {}; }

        std::suspend_never final_suspend() noexcept { return {}; }

        void return_void() noexcept {}

        void unhandled_exception() noexcept { std::terminate(); }
    };
};

/// Resumes whoever awaits it on a thread of its own.
struct OnThread {
    std::vector<std::jthread>& threads;

    bool await_ready() const noexcept { return false; }

    void await_suspend(std::coroutine_handle<> caller) const {
        threads.emplace_back([caller] { caller.resume(); });
    }

    void await_resume() const noexcept {}
};

/// Resumes whoever awaits it when somebody says so.
struct OnDemand {
    std::coroutine_handle<> caller;
    bool hurried = false;

    bool await_ready() const noexcept { return false; }

    void await_suspend(std::coroutine_handle<> handle) noexcept { caller = handle; }

    int await_resume() const noexcept { return hurried ? 2 : 1; }
};

template <typename T>
struct Ready {
    T value;

    bool await_ready() const noexcept { return true; }

    void await_suspend(std::coroutine_handle<> /*caller*/) const noexcept {}

    T await_resume() { return static_cast<T>(value); }
};

Work<int> add(int one, int other) { co_return one + other; }

Work<int> fail() {
    throw std::runtime_error("a task failed");
    co_return 0;
}

Work<int> nested(std::vector<std::jthread>& threads) {
    const int three = co_await add(1, 2);
    co_await OnThread{threads};
    co_return three* co_await add(3, 4);
}

}  // namespace

TEST_SUITE("await") {
    TEST_CASE("a coroutine of coloop gets the value of a task, or what it throws") {
        run_in_loop([] {
            CHECK(await(add(1, 2)) == 3);
            Work<int> task = add(3, 4);
            CHECK(await(task) == 7);
            CHECK_THROWS_WITH_AS(await(fail()), "a task failed", std::runtime_error);
        });
    }

    TEST_CASE("values, references, things that only move, and nothing come as they are") {
        run_in_loop([] {
            int number = 5;
            int& same = await(Ready<int&>{number});
            CHECK(&same == &number);
            std::unique_ptr<int> owned = std::make_unique<int>(6);
            const std::unique_ptr<int> taken =
                await(Ready<std::unique_ptr<int>&&>{std::move(owned)});
            CHECK(*taken == 6);
            await(std::suspend_never());
            static_assert(std::is_void_v<decltype(await(std::suspend_never()))>);
        });
    }

    TEST_CASE("whoever is resumed on another thread comes back to the loop's") {
        run_in_loop([] {
            std::vector<std::jthread> threads;
            const auto here = std::this_thread::get_id();
            for (int i = 0; i < 20; ++i) {
                CHECK(await(nested(threads)) == 21);
                CHECK(std::this_thread::get_id() == here);
            }
            TaskGroup group;
            for (int i = 0; i < 20; ++i) {
                group.spawn([&] {
                    await(OnThread{threads});
                    CHECK(std::this_thread::get_id() == here);
                });
            }
            group.wait();
        });
    }

    TEST_CASE("others run meanwhile") {
        run_in_loop([] {
            OnDemand demand;
            int got = 0;
            Bystander waiting([&] { got = await(demand); });
            CHECK(got == 0);
            demand.caller.resume();
            CHECK(waiting.outcome() == "");
            CHECK(got == 1);
        });
    }

    TEST_CASE("one that is resumed by a callback of the loop goes on in its turn") {
        run_in_loop([] {
            struct Timer {
                uv_timer_t* handle = new uv_timer_t;

                bool await_ready() const noexcept { return false; }

                void await_suspend(std::coroutine_handle<> caller) const noexcept {
                    uv_timer_init(Loop::current_uv(), handle);
                    handle->data = caller.address();
                    uv_timer_start(
                        handle,
                        [](uv_timer_t* timer) {
                            const auto back = std::coroutine_handle<>::from_address(timer->data);
                            uv_close(reinterpret_cast<uv_handle_t*>(timer),
                                     [](uv_handle_t* closed) {
                                         delete reinterpret_cast<uv_timer_t*>(closed);
                                     });
                            back.resume();
                        },
                        1, 0);
                }

                void await_resume() const noexcept {}
            };
            await(Timer());
        });
    }

    TEST_CASE("a cancelled coroutine waits on, asks once for haste, and gets the value") {
        run_in_loop([] {
            for (const bool hurries : {false, true}) {
                OnDemand demand;
                int got = 0;
                int asked = 0;
                Bystander waiting([&] {
                    if (hurries) {
                        got = await(demand, [&] {
                            ++asked;
                            demand.hurried = true;
                            demand.caller.resume();
                        });
                    } else {
                        got = await(demand);
                    }
                    co_sleep_ns(0);
                });
                waiting.cancel();
                let_others_run();
                CHECK(waiting.ended() == hurries);
                if (!hurries) {
                    demand.caller.resume();
                }
                CHECK(waiting.outcome() == "cancelled");
                CHECK(got == (hurries ? 2 : 1));
                CHECK(asked == (hurries ? 1 : 0));
            }
        });
    }

    TEST_CASE("one that was cancelled before asks for haste at once") {
        run_in_loop([] {
            OnDemand demand;
            CancelScope scope;
            scope.cancel();
            CHECK(await(demand, [&] { demand.caller.resume(); }) == 1);
        });
    }

    TEST_CASE("of an arrival and a cancellation in one turn the value counts") {
        run_in_loop([] {
            OnDemand demand;
            int asked = 0;
            Bystander waiting([&] { CHECK(await(demand, [&] { ++asked; }) == 1); });
            demand.caller.resume();
            waiting.cancel();
            CHECK(waiting.outcome() == "");
            CHECK(asked == 0);
        });
    }

    TEST_CASE("in the wrong place it is misuse") {
        expect_misuse([] { await(std::suspend_never()); }, "cannot await outside a coroutine");
    }
}

TEST_SUITE("as_awaitable") {
    TEST_CASE("a C++20 coroutine gets what a waiting function returns or throws") {
        Loop loop;
        std::string log;
        const auto program = [&]() -> Detached {
            log += std::to_string(co_await as_awaitable(loop, [] {
                co_sleep(1ms);
                return 1;
            }));
            co_await as_awaitable(loop, [&] { log += in_coroutine() ? " inside" : " outside"; });
            log += in_coroutine() ? " inside" : " outside";
            try {
                co_await as_awaitable(loop, [] { throw std::runtime_error(" failed"); });
            } catch (const std::runtime_error& error) {
                log += error.what();
            }
            int& same = co_await as_awaitable(loop, [&]() -> int& {
                static int number = 0;
                return number;
            });
            same = 3;
            auto give = [owned = std::make_unique<int>(4)]() mutable { return std::move(owned); };
            const auto pointer = co_await as_awaitable(loop, std::move(give));
            log += " " + std::to_string(*pointer);
        };
        program();
        CHECK(log.empty());
        CHECK(loop.run());
        CHECK(log == "1 inside outside failed 4");
    }

    TEST_CASE("many run at once, and each gets its own") {
        Loop loop;
        int sum = 0;
        const auto program = [&](int number) -> Detached {
            sum += co_await as_awaitable(loop, [number] {
                co_sleep_ns(0);
                return number;
            });
        };
        for (int i = 1; i <= 100; ++i) {
            program(i);
        }
        CHECK(loop.run());
        CHECK(sum == 5050);
    }

    TEST_CASE("a time limit in the function is thrown in the C++20 coroutine") {
        Loop loop;
        bool late = false;
        const auto program = [&]() -> Detached {
            try {
                co_await as_awaitable(loop, [] { with_timeout(1ms, [] { co_sleep(1h); }); });
            } catch (const TimedOut&) {
                late = true;
            }
        };
        program();
        CHECK(loop.run());
        CHECK(late);
    }

    TEST_CASE("leaving the loop ends it with Cancelled, and no C++20 coroutine is left behind") {
        bool cancelled = false;
        const auto program = [&](Loop& loop) -> Detached {
            try {
                co_await as_awaitable(loop, [] { co_sleep(1h); });
            } catch (const Cancelled&) {
                cancelled = true;
            }
        };
        {
            Loop loop;
            program(loop);
        }
        CHECK(cancelled);
    }

    TEST_CASE("where there can be no coroutine the Error is thrown at once") {
        Loop loop;
        loop.cancel();
        std::string text;
        const auto program = [&]() -> Detached {
            try {
                co_await as_awaitable(loop, [] { co_sleep(1h); });
            } catch (const Cancelled&) {
                text = "cancelled";
            } catch (const Error& error) {
                text = error.what();
            }
        };
        program();
        loop.run();
        CHECK(text == "cancelled");
        uv_loop_t uv;
        REQUIRE(uv_loop_init(&uv) == 0);
        {
            Loop guest(&uv);
            guest.detach();
            const auto late = [&]() -> Detached {
                try {
                    co_await as_awaitable(guest, [] {});
                } catch (const Error& error) {
                    text = error.what();
                }
            };
            late();
            CHECK(text == "spawn on a loop that is being left as_awaitable: closed");
            uv_run(&uv, UV_RUN_DEFAULT);
        }
        uv_run(&uv, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&uv) == 0);
    }

    TEST_CASE("a Loop on somebody else's loop may be destroyed before the function returns") {
        uv_loop_t uv;
        REQUIRE(uv_loop_init(&uv) == 0);
        std::string log;
        const auto program = [&](Loop& loop) -> Detached {
            log += std::to_string(co_await as_awaitable(loop, [] {
                const CancelScope shield(CancelScope::Kind::shield);
                co_sleep(1ms);
                return 1;
            }));
        };
        {
            auto guest = std::make_unique<Loop>(&uv);
            program(*guest);
            uv_run(&uv, UV_RUN_NOWAIT);
        }
        CHECK(log.empty());
        uv_run(&uv, UV_RUN_DEFAULT);
        CHECK(log == "1");
        CHECK(uv_loop_close(&uv) == 0);
    }

    TEST_CASE("both directions nest") {
        run_in_loop([] {
            Loop loop(Loop::current_uv());
            const auto doubled = [&](int number) -> Work<int> {
                const int same = co_await as_awaitable(loop, [number] {
                    co_sleep_ns(0);
                    return await(add(number, 0));
                });
                co_return 2 * same;
            };
            CHECK(await(doubled(21)) == 42);
        });
    }
}

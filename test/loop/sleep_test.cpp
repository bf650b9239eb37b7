// SPDX-License-Identifier: MIT
//
// Time is the subject here, so these tests sleep for real, a few milliseconds each.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/expect_misuse.hpp"
#include "support/random.hpp"
#include "support/run_in_loop.hpp"

using namespace std::chrono_literals;

using coloop::co_sleep;
using coloop::co_sleep_ns;
using coloop::Loop;
using coloop::run_in_loop;
using coloop::saturated_ns;
using coloop::TaskGroup;

namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t hour = 3'600'000 * ms;

// Sanitizers make coroutines larger and slower, and emulators have fewer guards; what matters there
// is not their number.
#if defined(COLOOP_ASAN) || defined(COLOOP_TSAN) || defined(COLOOP_EMULATED)
constexpr int many = 2'000;
#else
constexpr int many = 100'000;
#endif

std::int64_t now() { return static_cast<std::int64_t>(uv_hrtime()); }

/// Keeps the loop from ever blocking while it lives, as a busy program does, and counts its turns.
class Spinner {
public:
    explicit Spinner(uv_loop_t* uv) : idle_(new Idle) {
        uv_idle_init(uv, &idle_->uv);
        idle_->uv.data = idle_;
        uv_idle_start(&idle_->uv, [](uv_idle_t* idle) {
            static_cast<Idle*>(idle->data)->turns.push_back(now());
        });
    }

    Spinner(const Spinner&) = delete;
    Spinner& operator=(const Spinner&) = delete;

    ~Spinner() {
        uv_close(reinterpret_cast<uv_handle_t*>(&idle_->uv),
                 [](uv_handle_t* handle) { delete static_cast<Idle*>(handle->data); });
    }

    /// How many turns of the loop have begun since that moment.
    [[nodiscard]] std::ptrdiff_t turns_since(std::int64_t moment) const {
        return idle_->turns.end() - std::ranges::lower_bound(idle_->turns, moment);
    }

private:
    struct Idle {
        uv_idle_t uv;
        std::vector<std::int64_t> turns;
    };

    Idle* idle_;
};

}  // namespace

TEST_SUITE("sleep") {
    // How late is counted in turns of the loop, so that it makes no difference what else the
    // machine does: a turn may take long, but those whose time has come go on in the next. (Almost:
    // libuv counts in milliseconds, and a drain that takes long leaves some for later.)
    TEST_CASE("a thousand sleeps on a busy loop are never early and not much late") {
        run_in_loop([] {
            const Spinner spinner(Loop::current_uv());
            std::int64_t earliest = most;
            std::vector<std::ptrdiff_t> lateness;
            TaskGroup group;
            for (std::uint64_t sleeper = 0; sleeper < 50; ++sleeper) {
                group.spawn([&, sleeper] {
                    coloop::Random random(sleeper);
                    for (int i = 0; i < 20; ++i) {
                        const auto length = static_cast<std::int64_t>(ms + random.below(2 * ms));
                        const std::int64_t due = now() + length;
                        co_sleep_ns(length);
                        earliest = std::min(earliest, now() - due);
                        lateness.push_back(spinner.turns_since(due + 2 * ms));
                    }
                });
            }
            group.wait();
            REQUIRE(lateness.size() == 1000);
            CHECK(earliest >= 0);
            std::ranges::nth_element(lateness, lateness.begin() + 900);
            CHECK(lateness[900] <= 2);
        });
    }

    TEST_CASE("sleeps on a quiet loop are never early") {
        run_in_loop([] {
            coloop::Random random(7);
            for (int i = 0; i < 20; ++i) {
                const auto length = static_cast<std::int64_t>(random.below(2 * ms) + 1);
                const std::int64_t begin = now();
                co_sleep_ns(length);
                CHECK(now() - begin >= length);
            }
        });
    }

    TEST_CASE("work before a sleep does not shorten it although libuv's clock has not seen it") {
        run_in_loop([] {
            const std::int64_t work_ends = now() + 20 * ms;
            while (now() < work_ends) {
            }
            const std::int64_t begin = now();
            co_sleep(5ms);
            CHECK(now() - begin >= 5 * ms);
        });
    }

    TEST_CASE("sleepers with the same deadline wake in the order in which they fell asleep") {
        run_in_loop([] {
            std::vector<int> expected(500);
            std::iota(expected.begin(), expected.end(), 0);
            bool in_time = false;  // they fall asleep; the machine may have had other things to do
            for (auto length = 20ms; !in_time; length *= 2) {
                const auto when = std::chrono::steady_clock::now() + length;
                std::vector<int> order;
                TaskGroup group;
                for (const int i : expected) {
                    group.spawn([&, i] {
                        coloop::co_sleep_until(when);
                        order.push_back(i);
                    });
                }
                group.spawn([&] { in_time = std::chrono::steady_clock::now() < when; });
                group.wait();
                CHECK((order == expected || !in_time));
            }
        });
    }

    TEST_CASE("sleepers wake in the order of their deadlines and not of their falling asleep") {
        run_in_loop([] {
            bool in_time = false;  // they fall asleep; the machine may have had other things to do
            for (auto unit = 1ms; !in_time; unit *= 2) {
                in_time = true;
                const auto begin = std::chrono::steady_clock::now();
                std::string order;
                TaskGroup group;
                for (const int length : {4, 2, 3, 1}) {
                    group.spawn([&, length] {
                        in_time = in_time && std::chrono::steady_clock::now() < begin + unit / 2;
                        coloop::co_sleep_until(begin + length * unit);
                        order += static_cast<char>('0' + length);
                    });
                }
                group.wait();
                CHECK((order == "1234" || !in_time));
            }
        });
    }

    TEST_CASE("zero and less let the loop poll once, so that I/O gets in") {
        for (const std::int64_t length : {std::int64_t{0}, std::int64_t{-1}, least}) {
            CAPTURE(length);
            run_in_loop([&] {
                uv_async_t async;  // known to libuv only by polling
                bool polled = false;
                async.data = &polled;
                uv_async_init(Loop::current_uv(), &async,
                              [](uv_async_t* handle) { *static_cast<bool*>(handle->data) = true; });
                uv_async_send(&async);
                co_sleep_ns(length);
                CHECK(polled);
                uv_close(reinterpret_cast<uv_handle_t*>(&async), nullptr);
                co_sleep_ns(0);  // closing takes the rest of this turn
                co_sleep_ns(0);
            });
        }
    }

    TEST_CASE("those who sleep for no time take turns and nobody is left out") {
        run_in_loop([] {
            std::vector<int> turns(10, 0);
            int most_ahead = 0;
            TaskGroup group;
            for (int& turn : turns) {
                group.spawn([&] {
                    for (int i = 0; i < 100; ++i) {
                        co_sleep_ns(0);
                        ++turn;
                        const auto [low, high] = std::minmax_element(turns.begin(), turns.end());
                        most_ahead = std::max(most_ahead, *high - *low);
                    }
                });
            }
            group.wait();
            CHECK(most_ahead == 1);
        });
    }

    TEST_CASE("the longest sleep does not end by itself and can be cancelled") {
        run_in_loop([] {
            TaskGroup group;
            bool woke = false;
            group.spawn([&] {
                co_sleep_ns(most);
                woke = true;
            });
            group.spawn([&] {
                co_sleep(std::chrono::hours::max());
                woke = true;
            });
            co_sleep(2ms);
            CHECK(group.size() == 2);
            group.cancel();
            group.wait();
            CHECK(!woke);
        });
    }

    TEST_CASE("a sleep that begins in a cancelled scope throws at once, also one of no time") {
        run_in_loop([] {
            coloop::CancelScope scope;
            scope.cancel();
            const std::int64_t begin = now();
            CHECK_THROWS_AS(co_sleep(1h), coloop::Cancelled);
            CHECK_THROWS_AS(co_sleep_ns(0), coloop::Cancelled);
            CHECK(now() - begin < hour);
        });
    }

    TEST_CASE("a cancelled sleep leaves no deadline and no timer behind, and the loop ends") {
        Loop loop;
        loop.spawn([&] {
            TaskGroup group;
            for (int i = 0; i < 100; ++i) {
                group.spawn([] { co_sleep(1h); });
            }
            co_sleep_ns(0);
            group.cancel();
            group.wait();
        });
        const std::int64_t begin = now();
        CHECK(loop.run());
        CHECK(now() - begin < hour);

        int timers = 0;
        uv_walk(
            loop.uv(),
            [](uv_handle_t* handle, void* count) {
                if (handle->type == UV_TIMER && uv_is_active(handle) && uv_has_ref(handle)) {
                    ++*static_cast<int*>(count);
                }
            },
            &timers);
        CHECK(timers == 0);
    }

    TEST_CASE("many coroutines that sleep at random all wake, none of them early") {
        run_in_loop([] {
            coloop::Random random(42);
            int woke = 0;
            int early = 0;
            TaskGroup group;
            for (int i = 0; i < many; ++i) {
                const auto length = static_cast<std::int64_t>(random.below(20 * ms));
                group.spawn([&, length] {
                    const std::int64_t begin = now();
                    co_sleep_ns(length);
                    early += now() - begin < length ? 1 : 0;
                    ++woke;
                });
            }
            group.wait();
            CHECK(woke == many);
            CHECK(early == 0);
        });
    }

    TEST_CASE("co_sleep_until by the steady and the system clock is never early") {
        run_in_loop([] {
            const auto steady = std::chrono::steady_clock::now() + 2ms;
            coloop::co_sleep_until(steady);
            CHECK(std::chrono::steady_clock::now() >= steady);

            const auto system = std::chrono::system_clock::now() + 2ms;
            coloop::co_sleep_until(system);
            CHECK(std::chrono::system_clock::now() >= system);
        });
    }

    TEST_CASE("co_sleep_until a moment that has passed returns after one turn of the loop") {
        run_in_loop([] {
            const std::int64_t begin = now();
            coloop::co_sleep_until(std::chrono::steady_clock::time_point::min());
            coloop::co_sleep_until(std::chrono::steady_clock::now() - 1h);
            coloop::co_sleep_until(std::chrono::system_clock::time_point());
            CHECK(now() - begin < hour);
        });
    }

    TEST_CASE("co_sleep_until the end of time can be cancelled") {
        run_in_loop([] {
            CHECK(!coloop::move_on_after(
                1ms, [] { coloop::co_sleep_until(std::chrono::steady_clock::time_point::max()); }));
            CHECK(!coloop::move_on_after(
                1ms, [] { coloop::co_sleep_until(std::chrono::system_clock::time_point::max()); }));
        });
    }

    TEST_CASE("sleeping outside a coroutine is misuse, also in a callback of libuv") {
        coloop::expect_misuse([] { co_sleep_ns(1); }, "cannot sleep outside a coroutine; spawn");
        coloop::expect_misuse(
            [] {
                Loop loop;
                uv_timer_t timer;
                uv_timer_init(loop.uv(), &timer);
                uv_timer_start(
                    &timer, [](uv_timer_t*) { co_sleep_ns(1); }, 0, 0);
                loop.run();
            },
            "cannot sleep outside a coroutine; spawn");
    }

    TEST_CASE("sleeping in a coroutine that was made before its thread had a Loop is misuse") {
        coloop::expect_misuse(
            [] {
                coloop::Coroutine coroutine([] { co_sleep_ns(1); }, {.name = "early bird"});
                const Loop loop;
                coroutine.enter();
            },
            "cannot sleep in coroutine \"early bird\", which was made before there was a Loop");
    }

    TEST_CASE("a coroutine that was entered by hand can sleep if there is a Loop") {
        Loop loop;
        std::string events;
        coloop::Coroutine coroutine([&] {
            co_sleep_ns(0);
            events += 'a';
            co_sleep(1ms);
            events += 'b';
        });
        coroutine.enter();
        CHECK(events.empty());
        CHECK(loop.run());
        CHECK(events == "ab");
        CHECK(coroutine.done());
    }
}

TEST_SUITE("saturated_ns") {
    using Seconds = std::chrono::duration<double>;

    TEST_CASE("keeps what fits") {
        CHECK(saturated_ns(0s) == 0);
        CHECK(saturated_ns(1ns) == 1);
        CHECK(saturated_ns(-1ns) == -1);
        CHECK(saturated_ns(1h) == 3'600'000'000'000);
        CHECK(saturated_ns(std::chrono::nanoseconds::max()) == most);
        CHECK(saturated_ns(std::chrono::nanoseconds::min()) == least);
        CHECK(saturated_ns(std::chrono::nanoseconds(most - 1)) == most - 1);
    }

    TEST_CASE("rounds up, so that no sleep is short") {
        using Picoseconds = std::chrono::duration<std::int64_t, std::pico>;
        CHECK(saturated_ns(Picoseconds(1)) == 1);
        CHECK(saturated_ns(Picoseconds(1000)) == 1);
        CHECK(saturated_ns(Picoseconds(1001)) == 2);
        CHECK(saturated_ns(Picoseconds(-1001)) == -1);
        CHECK(saturated_ns(Seconds(1e-10)) == 1);
        CHECK(saturated_ns(Seconds(0.25)) == 250'000'000);
        CHECK(saturated_ns(Seconds(-1e-10)) == 0);
    }

    TEST_CASE("makes the nearest of what is out of range, and zero of what is no number") {
        CHECK(saturated_ns(std::chrono::hours::max()) == most);
        CHECK(saturated_ns(std::chrono::hours::min()) == least);
        CHECK(saturated_ns(std::chrono::duration<std::uint64_t, std::nano>(~std::uint64_t{0})) ==
              most);
        CHECK(saturated_ns(Seconds(1e300)) == most);
        CHECK(saturated_ns(Seconds(-1e300)) == least);
        CHECK(saturated_ns(Seconds(INFINITY)) == most);
        CHECK(saturated_ns(Seconds(-INFINITY)) == least);
        CHECK(saturated_ns(Seconds(NAN)) == 0);
    }

    TEST_CASE("does not overflow just below the limit, where doubles are coarse") {
        const std::int64_t near = saturated_ns(Seconds(9223372036.854775));
        CHECK(near > most - 2000);
    }
}

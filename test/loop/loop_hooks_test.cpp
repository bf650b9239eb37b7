// SPDX-License-Identifier: MIT
#include <chrono>
#include <string>

#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/clock.hpp>
#include <coloop/fs.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/tcp.hpp>
#include <coloop/timeout.hpp>

#include "loop/loop_state.hpp"
#include "support/run_in_loop.hpp"

namespace coloop {

using namespace std::chrono_literals;

namespace {

/// Runs who became ready last, by a clock that stands until somebody moves it.
class LastFirst final : public LoopHooks {
public:
    [[nodiscard]] std::uint64_t time() const noexcept override { return now; }

    std::size_t choose(const Scheduler& ready) noexcept override { return ready.ready() - 1; }

    void stopped() noexcept override { ++steps; }

    void spawned(const Coroutine& coroutine) noexcept override { note('+', coroutine.name()); }

    void ended(const Coroutine& coroutine) noexcept override { note('-', coroutine.name()); }

    void opened(const Describable& /*handle*/) noexcept override { ++handles; }

    void closed(const Describable& /*handle*/) noexcept override { --handles; }

    void note(char sign, std::string_view name) { story.append(1, sign).append(name); }

    std::uint64_t now = 1'000'000;
    std::size_t steps = 0;
    int handles = 0;
    std::string story;
};

/// A loop that has hooks.
struct Hooked {
    LastFirst hooks;
    Loop loop;
    LoopState& state = *LoopState::find(loop.uv());

    Hooked() { state.set_hooks(&hooks); }

    Hooked(const Hooked&) = delete;
    Hooked& operator=(const Hooked&) = delete;

    ~Hooked() { state.set_hooks(nullptr); }

    void turn() const { uv_run(loop.uv(), UV_RUN_NOWAIT); }
};

}  // namespace

TEST_SUITE("LoopHooks") {
    TEST_CASE("hooks choose who runs next, and hear of beginnings, steps and ends") {
        Hooked hooked;
        std::string order;
        for (const char* name : {"a", "b", "c"}) {
            hooked.loop.spawn([&order, name] { order += name; }, {.name = name});
        }
        hooked.turn();
        CHECK(order == "cba");
        CHECK(hooked.hooks.story == "+a+b+c-c-b-a");
        CHECK(hooked.hooks.steps == 3);
        CHECK(hooked.state.coroutines() == 0);
    }

    TEST_CASE("whoever is chosen from the middle, the others keep their order") {
        Hooked hooked;
        std::string order;
        CoQueue queue;
        for (const char* name : {"a", "b", "c", "d"}) {
            hooked.loop.spawn([&, name] {
                queue.wait();
                order += name;
            });
        }
        hooked.turn();
        queue.wake_all();  // d, c, b, a
        hooked.state.move_to_front(2);
        hooked.state.move_to_front(1);
        hooked.state.set_hooks(nullptr);
        hooked.turn();
        CHECK(order == "dbca");
    }

    TEST_CASE("sleeps, timeouts and clocks go by the clock of the hooks") {
        Hooked hooked;
        std::string story;
        hooked.loop.spawn([&] {
            co_sleep(1h);
            story += 's';
        });
        hooked.loop.spawn([&] {
            move_on_at(std::chrono::steady_clock::time_point(1ms + 2h), [] { CoQueue().wait(); });
            story += 't';
        });
        hooked.loop.spawn([&] {
            VirtualClock mine;
            co_sleep_ns(mine, std::chrono::nanoseconds(3h).count());
            story += 'v';
        });
        for (int hour = 0; hour < 4; ++hour) {
            hooked.turn();
            CHECK(story == std::string("stv").substr(0, static_cast<std::size_t>(hour)));
            hooked.hooks.now += 3'600'000'000'000;
            CHECK(monotonic_clock().now() == static_cast<std::int64_t>(hooked.hooks.now));
            hooked.state.expire_deadlines();
        }
        hooked.turn();
        CHECK(story == "stv");
        CHECK(hooked.state.deadlines().empty());
    }

    TEST_CASE("hooks hear of handles, and the state counts the requests on the pool") {
        Hooked hooked;
        hooked.loop.spawn([&] {
            const TcpListener listener("127.0.0.1", 0);
            CHECK(hooked.hooks.handles == 1);
            static_cast<void>(fs::stat("/"));
        });
        while (hooked.state.coroutines() > 0) {
            hooked.turn();
            CHECK(hooked.state.pool_work() == hooked.state.coroutines());
        }
        hooked.turn();
        CHECK(hooked.hooks.handles == 0);
    }

    TEST_CASE("a loop that has no hooks any more goes by real time again") {
        run_in_loop([] {
            LastFirst hooks;
            LoopState& state = LoopState::current("test");
            hooks.now = uv_hrtime();
            state.set_hooks(&hooks);
            TaskGroup group;
            group.spawn([] { co_sleep_ns(1); });
            co_sleep_ns(0);
            state.set_hooks(nullptr);
            group.wait();
            CHECK(static_cast<std::uint64_t>(monotonic_clock().now()) > hooks.now);
        });
    }
}

}  // namespace coloop

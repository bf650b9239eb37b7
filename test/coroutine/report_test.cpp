// SPDX-License-Identifier: MIT
#include "coroutine/report.hpp"

#include <set>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include <coloop/call_with_stack.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>

#include "coroutine/access.hpp"
#include "coroutine/scheduler.hpp"

using namespace coloop;

namespace {

class Host final : public Describable {
    [[nodiscard]] std::string describe() const override { return "127.0.0.1:7000"; }
};

std::string state(const Coroutine& coroutine, std::uint64_t now = 0) {
    return describe_state(coroutine, now);
}

}  // namespace

TEST_SUITE("describe") {
    TEST_CASE("a coroutine is called by its name, or by its address") {
        const Coroutine named([] {}, {.name = "client"});
        CHECK(describe(named) == "coroutine \"client\"");
        const Coroutine nameless([] {});
        CHECK(describe(nameless).find("coroutine 0x") == 0);
    }

    TEST_CASE("each state of a coroutine has its words") {
        CoQueue queue("read");
        std::string outer_while_inner_runs;
        std::string running;
        Coroutine* self = nullptr;
        Coroutine coroutine(
            [&] {
                running = state(*self);
                Coroutine inner([&] { outer_while_inner_runs = state(*self); });
                inner.enter();
                Coroutine::yield();
                queue.wait();
            },
            {.name = "c"});
        self = &coroutine;
        CHECK(state(coroutine) == "coroutine \"c\" was not entered yet");
        coroutine.enter();
        CHECK(running == "coroutine \"c\" runs");
        CHECK(outer_while_inner_runs == "coroutine \"c\" has entered another one");
        CHECK(state(coroutine) == "coroutine \"c\" yielded; it goes on when somebody enters it");
        coroutine.enter();
        CHECK(state(coroutine) == "coroutine \"c\" waits: read");
        queue.wake_one();
        CHECK(state(coroutine) == "coroutine \"c\" is ready to run");
        run_ready();
        CHECK(state(coroutine) == "coroutine \"c\" has ended");
    }

    TEST_CASE("a wait names its object and how long it has lasted") {
        const Host host;
        CoQueue queue("read", &host);
        Coroutine coroutine([&] { queue.wait(); }, {.name = "client"});
        Scheduler& scheduler = Scheduler::without_loop();
        scheduler.now = 1'000'000'000;
        coroutine.enter();
        CHECK(state(coroutine, 2'200'000'000) ==
              "coroutine \"client\" waits for 1.2 s: read 127.0.0.1:7000");
        scheduler.now = 0;
        queue.wake_one();
        run_ready();
    }
}

TEST_SUITE("for_each_coroutine") {
    TEST_CASE("it visits new and suspended coroutines of this thread once each, and no others") {
        const auto all = [] {
            std::multiset<std::string> names;
            for_each_coroutine(
                [&](const Coroutine& coroutine) { names.emplace(coroutine.name()); });
            return names;
        };
        CHECK(all().empty());
        {
            const Coroutine created([] {}, {.name = "new"});
            Coroutine suspended([] { call_with_stack(std::size_t{1} << 20, Coroutine::yield); },
                                {.name = "suspended", .stack_size = 64 << 10});
            suspended.enter();
            Coroutine ended([] {}, {.name = "ended"});
            ended.enter();
            Coroutine running([&] { CHECK(all().count("running") == 1); }, {.name = "running"});
            running.enter();
            std::thread([&] { CHECK(all().empty()); }).join();
            CHECK(all() == std::multiset<std::string>{"new", "suspended"});
            suspended.enter();
        }
        CHECK(all().empty());
    }
}

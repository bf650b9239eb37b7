// SPDX-License-Identifier: MIT
//
// The end of a wait, a cancellation and a deadline in one turn of the loop: what came first counts,
// and the others find the wait settled.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/clock.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/bystander.hpp"
#include "support/run_in_loop.hpp"

using namespace std::chrono_literals;

using coloop::Bystander;
using coloop::checkpoint;
using coloop::co_sleep_ns;
using coloop::CoQueue;
using coloop::run_in_loop;
using coloop::TaskGroup;

namespace {

std::int64_t now() { return coloop::monotonic_clock().now(); }

/// Lets nobody run until that moment has passed. A deadline is noticed up to a millisecond late.
void compute_past(std::int64_t moment) {
    while (now() <= moment) {
    }
}

std::chrono::steady_clock::time_point steady(std::int64_t moment) {
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(moment));
}

/// Runs just after the loop has polled, so that its deadlines are the next thing it looks at.
void wait_for_poll() { co_sleep_ns(0); }

/// Runs just after the loop has looked at its deadlines, ahead of those whose wait that has ended.
void wait_for_deadlines() {
    bool looked = false;
    auto* timer = new uv_timer_t;
    uv_timer_init(coloop::Loop::current_uv(), timer);
    timer->data = &looked;
    uv_timer_start(
        timer, [](uv_timer_t* it) { *static_cast<bool*>(it->data) = true; }, 0, 0);
    while (!looked) {
        checkpoint();  // stays ready, and so ahead
    }
    uv_close(reinterpret_cast<uv_handle_t*>(timer),
             [](uv_handle_t* it) { delete reinterpret_cast<uv_timer_t*>(it); });
}

/// Calls `body(moment)` in a coroutine that waits when this returns. The moment has passed then,
/// but the loop has not looked yet; it is as far away as the coroutine needs to begin in time.
std::unique_ptr<Bystander> wait_past(const std::function<void(std::int64_t moment)>& body) {
    for (std::int64_t ahead = 1'000'000;; ahead *= 2) {
        const std::int64_t moment = now() + ahead;
        auto waiter = std::make_unique<Bystander>([=] { body(moment); }, 0);
        wait_for_poll();
        if (now() < moment - ahead / 2) {
            compute_past(moment + 1'000'000);
            return waiter;
        }
        waiter->outcome();
    }
}

}  // namespace

TEST_CASE("of a sleep and a timeout that pass in one turn the earlier counts") {
    run_in_loop([] {
        for (const std::int64_t ahead : {500'000, -500'000}) {
            bool slept = false;
            const auto sleeper = wait_past([&](std::int64_t moment) {
                slept = coloop::move_on_at(steady(moment), [&] {
                    coloop::sleep_by(coloop::monotonic_clock(), moment - ahead);
                });
            });
            CHECK(sleeper->outcome().empty());
            CHECK(slept == (ahead > 0));
        }
    });
}

TEST_CASE("of the end of a sleep and a cancellation in one turn the first counts") {
    run_in_loop([] {
        for (const bool end_first : {true, false}) {
            const auto sleeper = wait_past(
                [](std::int64_t moment) { coloop::sleep_by(coloop::monotonic_clock(), moment); });
            if (end_first) {
                wait_for_deadlines();  // it has passed, and the sleeper is ready
            }
            sleeper->cancel();
            CHECK(sleeper->outcome() == (end_first ? "" : "cancelled"));
        }
    });
}

TEST_CASE("of a wake, a cancellation and a deadline in one turn the first counts") {
    struct Case {
        std::string order;  // w: wake, c: cancel, d: the loop sees that the deadline has passed
        bool woken;
        bool timed_out;
        std::string outcome;
    };

    const Case cases[] = {
        {"w", true, false, ""},
        {"wc", true, false, ""},
        {"c", false, false, "cancelled"},
        {"cw", false, false, "cancelled"},
        {"d", false, true, ""},
        {"dw", false, true, ""},
        {"dc", false, false, "cancelled"},  // the outer scope is cancelled, too, and that counts
    };
    run_in_loop([&] {
        for (const Case& expected : cases) {
            CAPTURE(expected.order);
            CoQueue queue;
            bool woken = false;
            bool timed_out = false;
            const auto waiter = wait_past([&](std::int64_t moment) {
                woken = timed_out = false;  // an attempt that began too late may have left them
                timed_out = !coloop::move_on_at(steady(moment), [&] {
                    queue.wait();
                    woken = true;
                });
            });
            for (const char event : expected.order) {
                if (event == 'w') {
                    CHECK(queue.wake_one() == expected.woken);
                } else if (event == 'c') {
                    waiter->cancel();
                } else {
                    wait_for_deadlines();
                }
            }
            CHECK(waiter->outcome() == expected.outcome);
            CHECK(woken == expected.woken);
            CHECK(timed_out == expected.timed_out);
        }
    });
}

TEST_CASE("of the end of a group and the cancelling of its owner in one turn the first counts") {
    run_in_loop([] {
        for (const bool end_first : {true, false}) {
            CoQueue gate;
            bool ended = false;
            std::optional<Bystander> owner;
            TaskGroup others;
            owner.emplace([&] {
                TaskGroup group;
                group.spawn([&] {
                    gate.wait();
                    ended = true;
                    if (end_first) {  // runs when this has ended, before the owner does
                        others.spawn([&] { owner->cancel(); });
                    }
                });
                group.wait();
            });
            gate.wake_one();
            if (!end_first) {
                owner->cancel();
            }
            CHECK(owner->outcome() == (end_first ? "" : "cancelled"));
            CHECK(ended);  // it was woken before it was cancelled
        }
    });
}

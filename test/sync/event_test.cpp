// SPDX-License-Identifier: MIT
//
// What wakes all who wait for it: Event, Latch and Broadcast.
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/broadcast.hpp>
#include <coloop/cancel_scope.hpp>
#include <coloop/co_mutex.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/event.hpp>
#include <coloop/latch.hpp>

#include "support/cancellable.hpp"
#include "support/expect_misuse.hpp"

using namespace coloop;

namespace {

/// Starts a coroutine that waits for `object` and then adds its letter.
template <typename Object>
std::unique_ptr<Cancellable> waiter(Object& object, std::string& order, char letter) {
    return std::make_unique<Cancellable>([&object, &order, letter] {
        object.wait();
        order += letter;
    });
}

/// What every wait that all are woken from must do when it is cancelled; `wake` ends all waits.
template <typename Object, typename Wake>
void check_cancelling(Object& object, Wake wake) {
    std::string order;
    Cancellable before([&] {
        CancelScope::innermost()->cancel();
        CHECK_FALSE(object.wait(std::nothrow));
        object.wait();
    });
    CHECK(before.cut_short());

    auto cancelled = waiter(object, order, 'a');
    auto cancelled_then_woken = waiter(object, order, 'b');
    auto woken_then_cancelled = waiter(object, order, 'c');
    auto woken = waiter(object, order, 'd');
    cancelled->cancel();
    run_ready();
    CHECK(cancelled->cut_short());
    cancelled_then_woken->cancel();
    wake();
    woken_then_cancelled->cancel();
    run_ready();
    CHECK(cancelled_then_woken->cut_short());
    CHECK(order == "cd");
    CHECK_FALSE(woken_then_cancelled->cut_short());
}

}  // namespace

TEST_SUITE("Event") {
    TEST_CASE("set wakes all who wait in order, and who waits later does not wait") {
        Event event;
        std::string order;
        auto a = waiter(event, order, 'a');
        auto b = waiter(event, order, 'b');
        CHECK_FALSE(event.is_set());
        event.set();
        CHECK(event.is_set());
        CHECK(order.empty());
        run_ready();
        auto c = waiter(event, order, 'c');
        CHECK(order == "abc");
    }

    TEST_CASE("a cleared event is waited for again, but whom set has woken goes on") {
        Event event;
        std::string order;
        auto woken = waiter(event, order, 'a');
        event.set();
        event.set();
        event.clear();
        auto late = waiter(event, order, 'b');
        run_ready();
        CHECK(order == "a");
        event.set();
        run_ready();
        CHECK(order == "ab");
    }

    TEST_CASE(
        "a cancelled wait for an event throws, before or while it waits, unless woken first") {
        Event event;
        check_cancelling(event, [&] { event.set(); });
    }

    TEST_CASE("a set event does not look at cancellation") {
        Event event;
        event.set();
        Cancellable waiter([&] {
            CancelScope::innermost()->cancel();
            event.wait();
            CHECK(event.wait(std::nothrow));
        });
        CHECK(waiter.done());
        CHECK_FALSE(waiter.cut_short());
    }

    TEST_CASE("waiting for an event outside a coroutine, or destroying a waiter's, is misuse") {
        expect_misuse([] { Event().wait(); },
                      "cannot wait (wait for an event) outside a coroutine");
        expect_misuse(
            [] {
                auto event = std::make_unique<Event>();
                const Cancellable waiter([&] { event->wait(); }, "waiter");
                event.reset();
            },
            "an Event was destroyed while coroutine \"waiter\" waits: wait for an event");
    }
}

TEST_SUITE("Latch") {
    TEST_CASE("a latch lets its waiters go on when all is done, and everybody after that") {
        Latch latch(3);
        std::string order;
        auto a = waiter(latch, order, 'a');
        latch.count_down();
        CHECK(latch.count() == 2);
        CHECK_FALSE(latch.try_wait());
        auto b = waiter(latch, order, 'b');
        run_ready();
        CHECK(order.empty());
        latch.count_down(2);
        CHECK(latch.try_wait());
        run_ready();
        auto c = waiter(latch, order, 'c');
        CHECK(order == "abc");
    }

    TEST_CASE("a latch of nothing is open") {
        Latch latch(0);
        latch.count_down(0);
        Cancellable waiter([&] { latch.wait(); });
        CHECK(waiter.done());
    }

    TEST_CASE("who arrives at a latch and is cancelled has been counted") {
        Latch latch(2);
        Cancellable cancelled([&] { latch.arrive_and_wait(); });
        Cancellable other([&] { latch.wait(); });
        cancelled.cancel();
        run_ready();
        CHECK(cancelled.cut_short());
        CHECK(latch.count() == 1);
        Cancellable last([&] { latch.arrive_and_wait(); });
        CHECK(last.done());
        CHECK(other.done());
    }

    TEST_CASE("a cancelled wait for a latch throws, before or while it waits, unless woken first") {
        Latch latch(1);
        check_cancelling(latch, [&] { latch.count_down(); });
    }

    TEST_CASE("counting down below zero, or destroying a latch with a waiter, is misuse") {
        expect_misuse([] { Latch(1).count_down(2); },
                      "count down a latch by 2: only 1 are left; count each thing once");
        expect_misuse(
            [] {
                auto latch = std::make_unique<Latch>(1);
                const Cancellable waiter([&] { latch->wait(); }, "waiter");
                latch.reset();
            },
            "a Latch was destroyed while coroutine \"waiter\" waits: wait for a latch");
    }
}

TEST_SUITE("Broadcast") {
    TEST_CASE("a notification wakes all who wait in order, and is over then") {
        Broadcast broadcast;
        std::string order;
        broadcast.notify();
        auto a = waiter(broadcast, order, 'a');
        auto b = waiter(broadcast, order, 'b');
        broadcast.notify();
        auto c = waiter(broadcast, order, 'c');
        run_ready();
        CHECK(order == "ab");
        broadcast.notify();
        run_ready();
        CHECK(order == "abc");
        CHECK(broadcast.count() == 3);
    }

    TEST_CASE("who asks for what was missed does not wait, and waits when nothing was") {
        Broadcast broadcast;
        std::vector<std::uint64_t> seen;
        CoQueue busy;
        Cancellable listener([&] {
            for (std::uint64_t last = broadcast.count(); last < 4;) {
                last = broadcast.wait_past(last);
                seen.push_back(last);
                busy.wait();
            }
        });
        CHECK(seen.empty());
        broadcast.notify();
        run_ready();
        CHECK(seen == std::vector<std::uint64_t>{1});
        broadcast.notify();
        broadcast.notify();
        busy.wake_one();
        run_ready();
        CHECK(seen == std::vector<std::uint64_t>{1, 3});
        busy.wake_one();
        run_ready();
        broadcast.notify();
        run_ready();
        busy.wake_one();
        run_ready();
        CHECK(seen == std::vector<std::uint64_t>{1, 3, 4});
        CHECK(listener.done());
    }

    TEST_CASE("with a lock, all are told of a change and each has the lock when it goes on") {
        Broadcast changed;
        CoMutex mutex;
        int value = 0;
        std::string order;
        const auto until = [&](int wanted, char letter) {
            return std::make_unique<Cancellable>([&, wanted, letter] {
                std::unique_lock lock(mutex);
                changed.wait(lock, [&] { return value >= wanted; });
                CHECK(mutex.held_by_me());
                order += letter;
            });
        };
        auto a = until(2, 'a');
        auto b = until(1, 'b');
        auto c = until(0, 'c');
        CHECK(order == "c");
        for (int i = 0; i < 2; ++i) {
            ++value;
            changed.notify();
            run_ready();
        }
        CHECK(order == "cba");
    }

    TEST_CASE("a cancelled wait for a broadcast holds the lock again when it throws") {
        Broadcast changed;
        CoMutex mutex;
        bool held = false;
        Cancellable waiter([&] {
            const std::lock_guard lock(mutex);
            try {
                changed.wait(mutex);
            } catch (const Cancelled&) {
                held = mutex.held_by_me();
                throw;
            }
        });
        waiter.cancel();
        run_ready();
        CHECK(held);
        CHECK(waiter.cut_short());
    }

    TEST_CASE("a cancelled wait for a broadcast throws, before or while it waits, not once woken") {
        Broadcast broadcast;
        check_cancelling(broadcast, [&] { broadcast.notify(); });
    }

    TEST_CASE("waiting for a broadcast outside a coroutine, or destroying a waiter's, is misuse") {
        expect_misuse([] { Broadcast().wait(); },
                      "cannot wait (wait for a broadcast) outside a coroutine");
        expect_misuse(
            [] {
                auto broadcast = std::make_unique<Broadcast>();
                const Cancellable waiter([&] { broadcast->wait_past(0); }, "waiter");
                broadcast.reset();
            },
            "a Broadcast was destroyed while coroutine \"waiter\" waits: wait for a broadcast");
    }
}

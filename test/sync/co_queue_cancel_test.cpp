// SPDX-License-Identifier: MIT
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>

#include "support/cancellable.hpp"

using namespace coloop;

TEST_SUITE("CoQueue cancelled") {
    TEST_CASE("a cancelled wait holds the lock again when it throws") {
        CoQueue queue;
        CoMutex mutex;
        bool held = false;
        Cancellable waiter([&] {
            std::unique_lock lock(mutex);
            try {
                queue.wait(lock);
            } catch (const Cancelled&) {
                held = lock.owns_lock() && mutex.held_by_me();
                throw;
            }
        });
        waiter.cancel();
        run_ready();
        CHECK(held);
        CHECK(waiter.cut_short());
        CHECK(queue.empty());
    }

    TEST_CASE("a wait that is cancelled before it begins holds the lock when it throws") {
        CoQueue queue;
        CoMutex mutex;
        bool held = false;
        Cancellable waiter([&] {
            CancelScope::innermost()->cancel();
            const std::lock_guard lock(mutex);
            try {
                queue.wait(mutex);
            } catch (const Cancelled&) {
                held = mutex.held_by_me();
                throw;
            }
        });
        CHECK(held);
        CHECK(waiter.cut_short());
    }

    TEST_CASE("a cancelled wait throws only when it has its turn at the lock") {
        CoQueue queue;
        CoMutex mutex;
        Cancellable waiter([&] {
            const std::lock_guard lock(mutex);
            queue.wait(mutex);
        });
        Cancellable other([&] {
            const std::lock_guard lock(mutex);
            Coroutine::yield();
        });
        waiter.cancel();
        run_ready();
        CHECK_FALSE(waiter.done());
        waiter.cancel();
        run_ready();
        CHECK_FALSE(waiter.done());
        other.enter();
        CHECK(waiter.cut_short());
    }

    TEST_CASE("a wait that was woken does not throw if cancelled while it waits for the lock") {
        CoQueue queue;
        CoMutex mutex;
        bool returned = false;
        Cancellable waiter([&] {
            const std::lock_guard lock(mutex);
            queue.wait(mutex);
            returned = true;
            check_cancelled();
        });
        Cancellable other([&] {
            const std::lock_guard lock(mutex);
            queue.wake_one();
            Coroutine::yield();
        });
        waiter.cancel();
        other.enter();
        CHECK(returned);
        CHECK(waiter.cut_short());
    }

    TEST_CASE("a predicate that is true is believed, cancelled or not") {
        CoQueue queue;
        CoMutex mutex;
        Cancellable waiter([&] {
            CancelScope::innermost()->cancel();
            const std::lock_guard lock(mutex);
            queue.wait(mutex, [] { return true; });
        });
        CHECK(waiter.done());
        CHECK_FALSE(waiter.cut_short());
    }

    TEST_CASE("a wait in a cancelled scope throws at once and never joins the queue") {
        CoQueue queue;
        Cancellable waiter([&] {
            CancelScope::innermost()->cancel();
            CHECK_FALSE(queue.wait(std::nothrow));
            CHECK(queue.empty());
            CHECK_THROWS_AS(queue.wait_at_front(), Cancelled);
            queue.wait();
        });
        CHECK(waiter.cut_short());
    }

    TEST_CASE("a cancelled waiter leaves the queue at once and throws when it runs") {
        CoQueue queue;
        Cancellable waiter([&] { queue.wait(); });
        waiter.cancel();
        CHECK(queue.empty());
        CHECK_FALSE(waiter.done());
        run_ready();
        CHECK(waiter.cut_short());
    }

    TEST_CASE("the forms that do not throw return false") {
        CoQueue queue;
        std::optional<bool> woken;
        Cancellable waiter([&] { woken = queue.wait(std::nothrow); });
        waiter.cancel();
        run_ready();
        CHECK(woken == false);
        Cancellable other([&] { woken = queue.wait(std::nothrow); });
        queue.wake_one();
        run_ready();
        CHECK(woken == true);
    }

    // | a            | b            | c            | main         |
    // | wait         | wait         | wait         |              |
    // |              |              |              | cancel b     |
    // |              |              |              | wake_one     |
    // |              |              |              | wake_one     |
    // |              | <Cancelled>  |              |              |
    // | <woken>      |              |              |              |
    // |              |              | <woken>      |              |
    TEST_CASE("a cancelled waiter takes no wake with it") {
        CoQueue queue;
        std::string order;
        Cancellable a([&] {
            queue.wait();
            order += 'a';
        });
        Cancellable b([&] { queue.wait(); });
        Cancellable c([&] {
            queue.wait();
            order += 'c';
        });
        b.cancel();
        CHECK(queue.wake_one());
        CHECK(queue.wake_one());
        CHECK_FALSE(queue.wake_one());
        run_ready();
        CHECK(order == "ac");
        CHECK(b.cut_short());
    }

    TEST_CASE("cancelled and then woken in the same turn, the wake goes to the next waiter") {
        CoQueue queue;
        Cancellable first([&] { queue.wait(); });
        Cancellable second([&] { queue.wait(); });
        first.cancel();
        CHECK(queue.wake_one());
        run_ready();
        CHECK(first.cut_short());
        CHECK(second.done());
        CHECK_FALSE(second.cut_short());
    }

    TEST_CASE("woken and then cancelled in the same turn, the wake counts") {
        CoQueue queue;
        bool woken = false;
        Cancellable waiter([&] {
            queue.wait();
            woken = true;
            queue.wait();
        });
        queue.wake_one();
        waiter.cancel();
        run_ready();
        CHECK(woken);
        CHECK(waiter.cut_short());  // by the next wait
    }

    TEST_CASE("inside a shield a waiter is left alone, after it the next wait throws") {
        CoQueue queue;
        bool shielded = true;
        Cancellable waiter([&] {
            {
                const CancelScope shield(CancelScope::Kind::shield);
                queue.wait();
            }
            shielded = false;
            queue.wait();
        });
        waiter.cancel();
        CHECK(run_ready() == 0);
        CHECK_FALSE(queue.empty());
        queue.wake_one();
        run_ready();
        CHECK_FALSE(shielded);
        CHECK(waiter.cut_short());
    }

    TEST_CASE("a waiter at the front leaves it when cancelled") {
        CoQueue queue;
        Cancellable behind([&] { queue.wait(); });
        Cancellable ahead([&] { queue.wait_at_front(); });
        ahead.cancel();
        queue.wake_one();
        run_ready();
        CHECK(ahead.cut_short());
        CHECK(behind.done());
    }
}

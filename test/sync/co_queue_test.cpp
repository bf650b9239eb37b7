// SPDX-License-Identifier: MIT
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>

#include "support/cancellable.hpp"
#include "support/expect_misuse.hpp"

using namespace coloop;

namespace {

struct Peer final : Describable {
    [[nodiscard]] std::string describe() const override { return "127.0.0.1:7000"; }
};

}  // namespace

TEST_SUITE("CoQueue") {
    TEST_CASE("wake_one wakes the coroutine that has waited longest") {
        CoQueue queue;
        std::string order;
        Cancellable a([&] {
            queue.wait();
            order += 'a';
        });
        Cancellable b([&] {
            queue.wait();
            order += 'b';
        });

        CHECK(queue.wake_one());
        run_ready();
        CHECK(order == "a");
        CHECK(queue.wake_one());
        run_ready();
        CHECK(order == "ab");
    }

    TEST_CASE("wake_one without a waiter returns false and is not remembered") {
        CoQueue queue;
        CHECK_FALSE(queue.wake_one());
        Cancellable late([&] { queue.wait(); });
        run_ready();
        CHECK_FALSE(late.done());
        queue.wake_one();
        run_ready();
        CHECK(late.done());
    }

    TEST_CASE("a woken coroutine runs after its waker has stopped, never inside the call") {
        CoQueue queue;
        std::string order;
        Cancellable waiter([&] {
            queue.wait();
            order += 'w';
        });
        Cancellable waker([&] {
            queue.wake_one();
            order += '1';
            Coroutine::yield();
            order += '2';
        });
        CHECK(order == "1w");
        waker.enter();
        CHECK(order == "1w2");
    }

    TEST_CASE("woken from outside, a coroutine runs in run_ready") {
        CoQueue queue;
        Cancellable waiter([&] { queue.wait(); });
        queue.wake_one();
        CHECK_FALSE(waiter.done());
        CHECK(run_ready() == 1);
        CHECK(waiter.done());
        CHECK(run_ready() == 0);
    }

    TEST_CASE("wake_all wakes everyone in order and returns how many") {
        CoQueue queue;
        std::string order;
        const auto waiter = [&](char letter) {
            return [&order, &queue, letter] {
                queue.wait();
                order += letter;
            };
        };
        Cancellable a(waiter('a'));
        Cancellable b(waiter('b'));
        Cancellable c(waiter('c'));
        CHECK(queue.wake_all() == 3);
        CHECK(queue.wake_all() == 0);
        run_ready();
        CHECK(order == "abc");
    }

    TEST_CASE("wake_all does not wake again those who wait anew") {
        CoQueue queue;
        int rounds = 0;
        Cancellable waiter([&] {
            for (int i = 0; i < 2; ++i) {
                queue.wait();
                ++rounds;
            }
        });
        CHECK(queue.wake_all() == 1);
        run_ready();
        CHECK(rounds == 1);
        CHECK(queue.wake_all() == 1);
        run_ready();
        CHECK(rounds == 2);
    }

    TEST_CASE("a waiter that waits anew goes behind the others, at the front it goes ahead") {
        CoQueue queue;
        std::string order;
        Cancellable a([&] {
            queue.wait();
            order += 'a';
            queue.wait();
            order += 'A';
        });
        Cancellable b([&] {
            queue.wait();
            order += 'b';
            queue.wait_at_front();
            order += 'B';
        });
        for (int i = 0; i < 4; ++i) {
            queue.wake_one();
            run_ready();
        }
        CHECK(order == "abBA");
    }

    TEST_CASE("empty does not count those already woken") {
        CoQueue queue;
        CHECK(queue.empty());
        Cancellable waiter([&] { queue.wait(); });
        CHECK_FALSE(queue.empty());
        queue.wake_one();
        CHECK(queue.empty());
        run_ready();
    }

    TEST_CASE("a queue may be destroyed as soon as its waiters are woken") {
        auto queue = std::make_unique<CoQueue>();
        Cancellable waiter([&] { queue->wait(); });
        queue->wake_all();
        queue.reset();
        run_ready();
        CHECK(waiter.done());
    }

    TEST_CASE("25,000 rounds of waking each other need no more stack than one") {
        constexpr int rounds = 25'000;
        CoQueue ping;
        CoQueue pong;
        int turns = 0;
        const CoroutineOptions small{.stack_size = 16 << 10};
        Coroutine a(
            [&] {
                for (int i = 0; i < rounds; ++i) {
                    ping.wait();
                    ++turns;
                    pong.wake_one();
                }
            },
            small);
        Coroutine b(
            [&] {
                for (int i = 0; i < rounds; ++i) {
                    ping.wake_one();
                    pong.wait();
                }
            },
            small);
        a.enter();
        b.enter();
        CHECK(turns == rounds);
        CHECK(a.done());
        CHECK(b.done());
    }

    TEST_CASE("a chain of 1,000 coroutines that each wake the next runs to its end") {
        constexpr std::size_t length = 1'000;
        std::vector<CoQueue> queues(length + 1);
        std::vector<std::unique_ptr<Coroutine>> coroutines;
        std::size_t last = 0;
        for (std::size_t i = 0; i < length; ++i) {
            coroutines.push_back(std::make_unique<Coroutine>([&, i] {
                queues[i].wait();
                last = i;
                queues[i + 1].wake_one();
            }));
            coroutines.back()->enter();
        }
        queues[0].wake_one();
        CHECK(run_ready() == length);
        CHECK(last == length - 1);
    }

    TEST_CASE("wait unlocks a CoMutex, and has it again when it returns") {
        CoQueue queue;
        CoMutex mutex;
        bool held_again = false;
        Cancellable waiter([&] {
            mutex.lock();
            queue.wait(mutex);
            held_again = mutex.held_by_me();
            mutex.unlock();
        });
        Cancellable other([&] {
            CHECK(mutex.try_lock());
            mutex.unlock();
        });
        CHECK(other.done());
        queue.wake_one();
        run_ready();
        CHECK(held_again);
        CHECK(waiter.done());
    }

    TEST_CASE("wait takes a std::unique_lock") {
        CoQueue queue;
        CoMutex mutex;
        Cancellable waiter([&] {
            std::unique_lock lock(mutex);
            queue.wait(lock);
            CHECK(lock.owns_lock());
            CHECK(mutex.held_by_me());
        });
        queue.wake_one();
        run_ready();
        CHECK(waiter.done());
    }

    TEST_CASE("a woken waiter waits for the lock if somebody else has taken it") {
        CoQueue queue;
        CoMutex mutex;
        Cancellable waiter([&] {
            const std::lock_guard lock(mutex);
            queue.wait(mutex);
        });
        Cancellable other([&] {
            const std::lock_guard lock(mutex);
            queue.wake_one();
            Coroutine::yield();
        });
        CHECK_FALSE(waiter.done());
        other.enter();
        CHECK(waiter.done());
    }

    TEST_CASE("wait with a predicate returns at once, lock in hand, if it is true") {
        CoQueue queue;

        struct Lock {
            void lock() { ++uses; }

            void unlock() { ++uses; }

            int uses = 0;
        } lock;

        Cancellable waiter([&] { queue.wait(lock, [] { return true; }); });
        CHECK(waiter.done());
        CHECK(lock.uses == 0);
    }

    TEST_CASE("wait with a predicate waits on while it is false") {
        CoQueue queue;
        CoMutex mutex;
        int items = 0;
        Cancellable taker([&] {
            std::unique_lock lock(mutex);
            queue.wait(lock, [&] { return items == 2; });
            CHECK(mutex.held_by_me());
        });
        for (int i = 0; i < 2; ++i) {
            CHECK_FALSE(taker.done());
            ++items;
            CHECK(queue.wake_one());
            run_ready();
        }
        CHECK(taker.done());
    }

    TEST_CASE("waiting outside a coroutine is misuse") {
        expect_misuse([] { CoQueue().wait(); },
                      "cannot wait (wait in a queue) outside a coroutine; spawn one on the loop");
        expect_misuse([] { CoQueue("read").wait_at_front(); },
                      "cannot wait (read) outside a coroutine");
    }

    TEST_CASE("destroying a queue with a waiter is misuse, and says who waits for what") {
        expect_misuse(
            [] {
                auto queue = std::make_unique<CoQueue>();
                const Cancellable waiter([&] { queue->wait(); }, "reader");
                queue.reset();
            },
            "a CoQueue was destroyed while coroutine \"reader\" waits: wait in a queue; wake or "
            "cancel its waiters and let them run first");
    }

    TEST_CASE("a queue's operation and object tell what its waiters wait for") {
        expect_misuse(
            [] {
                const Peer peer;
                auto queue = std::make_unique<CoQueue>("read", &peer);
                const Cancellable waiter([&] { queue->wait(); }, "client");
                queue.reset();
            },
            "coroutine \"client\" waits: read 127.0.0.1:7000;");
    }

    TEST_CASE("entering a waiting coroutine is misuse, and so is entering a woken one") {
        expect_misuse(
            [] {
                CoQueue queue;
                Cancellable waiter([&] { queue.wait(); }, "waiter");
                waiter.enter();
            },
            "enter: coroutine \"waiter\" waits: wait in a queue; only what it waits for");
        expect_misuse(
            [] {
                CoQueue queue;
                Cancellable waiter([&] { queue.wait(); }, "waiter");
                queue.wake_one();
                waiter.enter();
            },
            "enter: coroutine \"waiter\" was woken and is about to run by itself");
    }
}

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_mutex.hpp>
#include <coloop/coroutine.hpp>

#include "support/cancellable.hpp"
#include "support/effort.hpp"
#include "support/expect_misuse.hpp"
#include "support/random.hpp"

using namespace coloop;

static_assert(!std::is_copy_constructible_v<CoMutex>);
static_assert(!std::is_move_constructible_v<CoMutex>);

namespace {

/// Coroutines that take turns at one mutex, are cancelled now and then, and note each breach of
/// what it promises: one holder at a time, in the order of asking.
class MutexStress {
public:
    explicit MutexStress(std::uint64_t seed) : random_(seed) {}

    int run() {
        for (std::size_t id = 0; id < coroutines_.size(); ++id) {
            coroutines_[id] = std::make_unique<Coroutine>([this, id] { work(id); });
            coroutines_[id]->enter();
        }
        while (finished_ < coroutines_.size()) {
            const std::size_t id = random_.below(coroutines_.size());
            if (random_.one_in(4) && scopes_[id] != nullptr) {
                scopes_[id]->cancel();
            } else {
                pauses_[id].wake_one();
            }
            if (random_.one_in(2)) {
                run_ready();
            }
        }
        run_ready();
        breaches_ += asking_.empty() ? 0 : 1;
        return breaches_;
    }

private:
    struct Leave {
        int& holders;

        ~Leave() { --holders; }
    };

    void work(std::size_t id) {
        for (int round = 0; round < 4; ++round) {
            use(id);
            if (random_.one_in(2)) {
                pauses_[id].wait();
            }
        }
        ++finished_;
    }

    void use(std::size_t id) {
        CancelScope scope;
        scopes_[id] = &scope;
        scope.run([&] {
            ask(id);
            const std::lock_guard release(mutex_, std::adopt_lock);
            breaches_ += holders_++ == 0 ? 0 : 1;
            const Leave leave{holders_};
            if (random_.one_in(2)) {
                pauses_[id].wait();
            }
        });
        scopes_[id] = nullptr;
    }

    void ask(std::size_t id) {
        asking_.push_back(id);
        try {
            mutex_.lock();
        } catch (const Cancelled&) {
            std::erase(asking_, id);
            throw;
        }
        // Whoever asked before is out only by being cancelled.
        for (auto other = asking_.begin(); *other != id; ++other) {
            breaches_ += scopes_[*other]->cancelled() ? 0 : 1;
        }
        std::erase(asking_, id);
        breaches_ += mutex_.held_by_me() ? 0 : 1;
    }

    Random random_;
    CoMutex mutex_;
    std::vector<std::size_t> asking_;
    int holders_ = 0;
    std::size_t finished_ = 0;
    int breaches_ = 0;
    std::array<CoQueue, 5> pauses_;
    std::array<CancelScope*, 5> scopes_{};
    std::array<std::unique_ptr<Coroutine>, 5> coroutines_;
};

}  // namespace

TEST_SUITE("CoMutex") {
    TEST_CASE("a free mutex is taken at once, and knows its holder") {
        CoMutex mutex;
        CHECK_FALSE(mutex.held_by_me());
        Cancellable coroutine([&] {
            CHECK_FALSE(mutex.held_by_me());
            mutex.lock();
            CHECK(mutex.held_by_me());
            mutex.unlock();
            CHECK_FALSE(mutex.held_by_me());
        });
        CHECK(coroutine.done());
    }

    TEST_CASE("try_lock takes a free mutex, and never waits for a held one") {
        CoMutex mutex;
        Cancellable holder([&] {
            CHECK(mutex.try_lock());
            CHECK_FALSE(mutex.try_lock());
            Coroutine::yield();
            mutex.unlock();
        });
        Cancellable other([&] {
            CHECK_FALSE(mutex.try_lock());
            CHECK_FALSE(mutex.held_by_me());
        });
        CHECK(other.done());
        holder.enter();
        Cancellable third([&] {
            CHECK(mutex.try_lock());
            mutex.unlock();
        });
        CHECK(third.done());
    }

    // QEMU's /locking/co-mutex
    TEST_CASE("a second locker of a mutex waits until the first has unlocked it") {
        CoMutex mutex;
        bool locked = false;
        std::string order;
        const auto body = [&](char letter) {
            return [&, letter] {
                const std::lock_guard lock(mutex);
                CHECK_FALSE(locked);
                locked = true;
                order += letter;
                Coroutine::yield();
                locked = false;
            };
        };
        Cancellable a(body('a'));
        Cancellable b(body('b'));
        CHECK(order == "a");
        a.enter();
        CHECK(order == "ab");
        b.enter();
        CHECK(b.done());
    }

    // | a            | b            | c            |
    // | lock         |              |              |
    // |              | <lock>       |              |
    // |              |              | <lock>       |
    // | unlock       |              |              |
    // | <lock>       |              |              |
    // |              | (has it)     |              |
    // |              | unlock       |              |
    // |              |              | (has it)     |
    // |              |              | unlock       |
    // | (has it)     |              |              |
    TEST_CASE("a mutex is handed over in the order of asking, and not to its last holder") {
        CoMutex mutex;
        std::string order;
        Cancellable a([&] {
            mutex.lock();
            Coroutine::yield();
            mutex.unlock();
            CHECK_FALSE(mutex.held_by_me());
            CHECK_FALSE(mutex.try_lock());
            mutex.lock();
            order += 'a';
            mutex.unlock();
        });
        const auto waiter = [&](char letter) {
            return [&, letter] {
                mutex.lock();
                order += letter;
                mutex.unlock();
            };
        };
        Cancellable b(waiter('b'));
        Cancellable c(waiter('c'));
        a.enter();
        CHECK(order == "bca");
        CHECK(a.done());
    }

    TEST_CASE("a mutex may be held across waits and nested enters") {
        CoMutex mutex;
        Cancellable outer([&] {
            const std::lock_guard lock(mutex);
            Coroutine inner([&] { CHECK_FALSE(mutex.try_lock()); });
            inner.enter();
            CHECK(mutex.held_by_me());
        });
        CHECK(outer.done());
    }

    TEST_CASE("the standard guards work with a mutex") {
        CoMutex first;
        CoMutex second;
        Cancellable coroutine([&] {
            {
                std::unique_lock lock(first, std::try_to_lock);
                CHECK(lock.owns_lock());
                lock.unlock();
                lock.lock();
            }
            {
                const std::scoped_lock both(first, second);
                CHECK(first.held_by_me());
                CHECK(second.held_by_me());
            }
            CHECK_FALSE(first.held_by_me());
        });
        CHECK(coroutine.done());
    }

    TEST_CASE("two std::scoped_locks in opposite order do not lock each other out") {
        CoMutex first;
        CoMutex second;
        int done = 0;
        Cancellable a([&] {
            const std::scoped_lock both(first, second);
            Coroutine::yield();
            ++done;
        });
        Cancellable b([&] {
            const std::scoped_lock both(second, first);
            ++done;
        });
        a.enter();
        CHECK(done == 2);
    }

    TEST_CASE("a free mutex is locked even by a cancelled coroutine") {
        CoMutex mutex;
        Cancellable coroutine([&] {
            CancelScope::innermost()->cancel();
            const std::lock_guard lock(mutex);
            CHECK(mutex.held_by_me());
        });
        CHECK(coroutine.done());
        CHECK_FALSE(coroutine.cut_short());
    }

    TEST_CASE("a cancelled coroutine does not wait for a held mutex") {
        CoMutex mutex;
        Cancellable holder([&] {
            const std::lock_guard lock(mutex);
            Coroutine::yield();
        });
        Cancellable other([&] {
            CancelScope::innermost()->cancel();
            const std::lock_guard lock(mutex);
        });
        CHECK(other.cut_short());
        holder.enter();
        CHECK(holder.done());
    }

    TEST_CASE("a waiter cancelled at a mutex does not hold it, and the next one gets it") {
        CoMutex mutex;
        Cancellable holder([&] {
            const std::lock_guard lock(mutex);
            Coroutine::yield();
        });
        bool held = true;
        Cancellable cancelled([&] {
            try {
                mutex.lock();
            } catch (const Cancelled&) {
                held = mutex.held_by_me();
                throw;
            }
        });
        bool got_it = false;
        Cancellable next([&] {
            const std::lock_guard lock(mutex);
            got_it = mutex.held_by_me();
        });
        cancelled.cancel();
        run_ready();
        CHECK(cancelled.cut_short());
        CHECK_FALSE(held);
        holder.enter();
        CHECK(got_it);
    }

    // | holder       | first        | second       |
    // | lock         |              |              |
    // |              | <lock>       |              |
    // |              |              | <lock>       |
    // | cancel first |              |              |
    // | unlock       |              |              |
    // |              | <Cancelled>  |              |
    // |              |              | (has it)     |
    TEST_CASE("a waiter cancelled before the unlock of the same turn is passed over") {
        CoMutex mutex;
        Cancellable* victim = nullptr;
        Cancellable holder([&] {
            const std::lock_guard lock(mutex);
            Coroutine::yield();
            victim->cancel();
        });
        Cancellable first([&] { mutex.lock(); });
        victim = &first;
        Cancellable second([&] { const std::lock_guard lock(mutex); });
        holder.enter();
        CHECK(first.cut_short());
        CHECK(second.done());
        CHECK_FALSE(second.cut_short());
    }

    TEST_CASE("a waiter cancelled after the unlock of the same turn has the mutex") {
        CoMutex mutex;
        Cancellable* victim = nullptr;
        Cancellable holder([&] {
            mutex.lock();
            Coroutine::yield();
            mutex.unlock();
            victim->cancel();
        });
        bool held = false;
        Cancellable waiter([&] {
            const std::lock_guard lock(mutex);
            held = mutex.held_by_me();
            check_cancelled();
        });
        victim = &waiter;
        holder.enter();
        CHECK(held);
        CHECK(waiter.cut_short());
        Cancellable next([&] { const std::lock_guard lock(mutex); });
        CHECK(next.done());
    }

    TEST_CASE("inside a shield a waiter at a mutex waits on") {
        CoMutex mutex;
        Cancellable holder([&] {
            const std::lock_guard lock(mutex);
            Coroutine::yield();
        });
        bool held = false;
        Cancellable waiter([&] {
            const CancelScope shield(CancelScope::Kind::shield);
            const std::lock_guard lock(mutex);
            held = true;
        });
        waiter.cancel();
        run_ready();
        CHECK_FALSE(waiter.done());
        holder.enter();
        CHECK(held);
    }

    TEST_CASE("a mutex handed over belongs to its new holder even before that runs") {
        CoMutex mutex;
        Cancellable holder([&] {
            mutex.lock();
            Coroutine::yield();
            mutex.unlock();
            CHECK_FALSE(mutex.try_lock());
            Coroutine::yield();
        });
        Cancellable waiter([&] { const std::lock_guard lock(mutex); });
        holder.enter();
        CHECK(waiter.done());
        holder.enter();
    }

    TEST_CASE("locking a mutex twice is misuse") {
        expect_misuse(
            [] {
                CoMutex mutex;
                const Cancellable coroutine(
                    [&] {
                        mutex.lock();
                        mutex.lock();
                    },
                    "worker");
            },
            "lock a mutex: coroutine \"worker\" holds it already; a CoMutex is not recursive");
    }

    TEST_CASE("unlocking a mutex that another coroutine holds is misuse") {
        expect_misuse(
            [] {
                CoMutex mutex;
                const Cancellable holder(
                    [&] {
                        mutex.lock();
                        Coroutine::yield();
                    },
                    "holder");
                const Cancellable other([&] { mutex.unlock(); }, "other");
            },
            "unlock a mutex: coroutine \"other\" does not hold it; coroutine \"holder\" does");
    }

    TEST_CASE("unlocking a free mutex is misuse") {
        expect_misuse(
            [] {
                CoMutex mutex;
                const Cancellable coroutine([&] { mutex.unlock(); }, "worker");
            },
            "unlock a mutex: coroutine \"worker\" does not hold it; nobody does");
    }

    TEST_CASE("using a mutex outside a coroutine is misuse") {
        expect_misuse(
            [] { CoMutex().lock(); },
            "lock a mutex: called outside a coroutine; it belongs to the coroutine that locks it");
        expect_misuse([] { static_cast<void>(CoMutex().try_lock()); },
                      "try to lock a mutex: called outside a coroutine");
        expect_misuse([] { CoMutex().unlock(); }, "unlock a mutex: called outside a coroutine");
    }

    TEST_CASE("ending while holding a mutex is misuse, also if it was handed over") {
        expect_misuse(
            [] {
                CoMutex mutex;
                const Cancellable coroutine([&] { mutex.lock(); }, "worker");
            },
            "coroutine \"worker\" ended while it held a lock; unlock it first");
        expect_misuse(
            [] {
                CoMutex mutex;
                Cancellable holder([&] {
                    mutex.lock();
                    Coroutine::yield();
                    mutex.unlock();
                });
                const Cancellable heir([&] { mutex.lock(); }, "heir");
                holder.enter();
            },
            "coroutine \"heir\" ended while it held a lock; unlock it first");
    }

    TEST_CASE("destroying a mutex that is held is misuse, whether others wait for it or not") {
        const auto destroy = [](bool waited_for) {
            auto mutex = std::make_unique<CoMutex>();
            const auto hold = [&] {
                mutex->lock();
                Coroutine::yield();
            };
            const Cancellable holder(hold, "holder");
            const Cancellable other([&] { waited_for ? mutex->lock() : void(); });
            mutex.reset();
        };
        expect_misuse(
            [&] { destroy(false); },
            "a CoMutex was destroyed while coroutine \"holder\" holds it; unlock it first");
        expect_misuse(
            [&] { destroy(true); },
            "while coroutine \"holder\" holds it and others wait for it; unlock it first");
    }

    TEST_CASE("whatever is cancelled when, a mutex has one holder at a time, in turn") {
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            CAPTURE(seed);
            CHECK(MutexStress(seed).run() == 0);
        }
    }
}

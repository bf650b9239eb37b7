// SPDX-License-Identifier: MIT
//
// In the tables <x> is a call that waits, (x) what it waited for.
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <type_traits>

#include <doctest/doctest.h>

#include <coloop/co_rwlock.hpp>
#include <coloop/coroutine.hpp>

#include "support/cancellable.hpp"
#include "support/expect_misuse.hpp"

using namespace coloop;

static_assert(!std::is_copy_constructible_v<CoRwlock>);
static_assert(!std::is_move_constructible_v<CoRwlock>);

TEST_SUITE("CoRwlock") {
    TEST_CASE("readers read together, and a writer waits for all of them") {
        CoRwlock lock;
        const auto reader = [&] {
            lock.lock_shared();
            Coroutine::yield();
            lock.unlock_shared();
        };
        Cancellable a(reader);
        Cancellable b(reader);
        bool wrote = false;
        Cancellable writer([&] {
            lock.lock();
            wrote = true;
            lock.unlock();
        });
        a.enter();
        CHECK_FALSE(wrote);
        b.enter();
        CHECK(wrote);
        CHECK(writer.done());
    }

    TEST_CASE("a writer excludes readers and writers") {
        CoRwlock lock;
        Cancellable writer([&] {
            lock.lock();
            Coroutine::yield();
            lock.unlock();
        });
        std::string order;
        Cancellable reader([&] {
            lock.lock_shared();
            order += 'r';
            lock.unlock_shared();
        });
        Cancellable other([&] {
            lock.lock();
            order += 'w';
            lock.unlock();
        });
        CHECK(order.empty());
        writer.enter();
        CHECK(order == "rw");
    }

    TEST_CASE("the try forms never wait and pass nobody who does") {
        CoRwlock lock;
        Cancellable reader([&] {
            CHECK(lock.try_lock_shared());
            CHECK_FALSE(lock.try_lock());
            Coroutine::yield();
            lock.unlock_shared();
        });
        Cancellable second([&] {
            CHECK(lock.try_lock_shared());
            lock.unlock_shared();
        });
        Cancellable writer([&] {
            lock.lock();
            Coroutine::yield();
            lock.unlock();
        });
        Cancellable late([&] { CHECK_FALSE(lock.try_lock_shared()); });
        reader.enter();
        Cancellable later([&] {
            CHECK_FALSE(lock.try_lock_shared());
            CHECK_FALSE(lock.try_lock());
        });
        writer.enter();
        Cancellable last([&] {
            CHECK(lock.try_lock());
            lock.unlock();
        });
        CHECK(last.done());
    }

    TEST_CASE("the standard guards work with a rwlock") {
        CoRwlock lock;
        Cancellable coroutine([&] {
            {
                const std::shared_lock one(lock);
                const std::shared_lock two(lock, std::try_to_lock);
                CHECK(two.owns_lock());
            }
            {
                const std::unique_lock writer(lock);
                const std::shared_lock reader(lock, std::try_to_lock);
                CHECK_FALSE(reader.owns_lock());
            }
            const std::lock_guard again(lock);
        });
        CHECK(coroutine.done());
    }

    // | a            | w            | b            | c            |
    // | read         |              |              |              |
    // |              | <write>      |              |              |
    // |              |              | <read>       |              |
    // |              |              |              | <read>       |
    // | unlock       |              |              |              |
    // |              | (writes)     |              |              |
    // |              | unlock       |              |              |
    // |              |              | (reads)      | (reads)      |
    TEST_CASE("a reader waits behind a writer that waits, and neighbours read together") {
        CoRwlock lock;
        std::string order;
        Cancellable a([&] {
            lock.lock_shared();
            Coroutine::yield();
            lock.unlock_shared();
        });
        Cancellable w([&] {
            lock.lock();
            order += 'w';
            lock.unlock();
        });
        const auto reader = [&](char letter) {
            return [&, letter] {
                lock.lock_shared();
                order += letter;
                Coroutine::yield();
                lock.unlock_shared();
            };
        };
        Cancellable b(reader('b'));
        Cancellable c(reader('c'));
        CHECK(order.empty());
        a.enter();
        CHECK(order == "wbc");
        b.enter();
        c.enter();
    }

    TEST_CASE("a stream of readers does not starve a writer, nor one of writers a reader") {
        CoRwlock lock;
        std::string order;
        const auto reader = [&] {
            lock.lock_shared();
            order += 'r';
            Coroutine::yield();
            lock.unlock_shared();
        };
        const auto writer = [&] {
            lock.lock();
            order += 'w';
            Coroutine::yield();
            lock.unlock();
        };
        Cancellable a(reader);
        Cancellable b(writer);
        Cancellable c(reader);
        Cancellable d(writer);
        Cancellable e(writer);
        Cancellable f(reader);
        for (Cancellable* next : {&a, &b, &c, &d, &e, &f}) {
            next->enter();
        }
        CHECK(order == "rwrwwr");
    }

    TEST_CASE("the only reader upgrades at once") {
        CoRwlock lock;
        Cancellable coroutine([&] {
            lock.lock_shared();
            lock.upgrade();
            Cancellable other([&] { CHECK_FALSE(lock.try_lock_shared()); });
            lock.unlock();
            CHECK(lock.try_lock());
            lock.unlock();
        });
        CHECK(coroutine.done());
    }

    // QEMU's /locking/co-rwlock/upgrade
    // | c1           | c2           |
    // | read         |              |
    // |              | <write>      |
    // | <upgrade>    |              |
    // |              | (writes)     |
    // |              | unlock       |
    // | (writes)     |              |
    // | unlock       |              |
    TEST_CASE("a reader that upgrades while a writer waits queues behind it") {
        CoRwlock lock;
        std::string order;
        Cancellable c1([&] {
            lock.lock_shared();
            Coroutine::yield();
            lock.upgrade();
            order += '1';
            lock.unlock();
        });
        Cancellable c2([&] {
            lock.lock();
            order += '2';
            lock.unlock();
        });
        CHECK(order.empty());
        c1.enter();
        CHECK(order == "21");
        CHECK(c1.done());
        CHECK(c2.done());
    }

    // QEMU's /locking/co-rwlock/downgrade, for the hang that its commit 050de36b cured
    // | c1           | c2           | c3           | c4           |
    // | read         |              |              |              |
    // |              | <write>      |              |              |
    // |              |              | <read>       |              |
    // |              |              |              | <write>      |
    // | unlock       |              |              |              |
    // |              | (writes)     |              |              |
    // |              | downgrade    |              |              |
    // |              |              | (reads)      |              |
    // |              |              | unlock       |              |
    // |              | unlock       |              |              |
    // |              |              |              | (writes)     |
    TEST_CASE("a downgrade lets in the readers that wait next, and then the writer") {
        CoRwlock lock;
        std::string order;
        Cancellable c1([&] {
            lock.lock_shared();
            Coroutine::yield();
            lock.unlock_shared();
        });
        Cancellable c2([&] {
            lock.lock();
            lock.downgrade();
            order += '2';
            Coroutine::yield();
            lock.unlock_shared();
        });
        Cancellable c3([&] {
            lock.lock_shared();
            order += '3';
            lock.unlock_shared();
        });
        Cancellable c4([&] {
            lock.lock();
            order += '4';
            lock.unlock();
        });
        c1.enter();
        CHECK(order == "23");
        c2.enter();
        CHECK(order == "234");
        CHECK(c4.done());
    }

    TEST_CASE("a downgrade lets no reader pass a writer that waits") {
        CoRwlock lock;
        std::string order;
        Cancellable first([&] {
            lock.lock();
            Coroutine::yield();
            lock.downgrade();
            Coroutine::yield();
            lock.unlock_shared();
        });
        Cancellable writer([&] {
            lock.lock();
            order += 'w';
            lock.unlock();
        });
        Cancellable reader([&] {
            lock.lock_shared();
            order += 'r';
            lock.unlock_shared();
        });
        first.enter();
        CHECK(order.empty());
        first.enter();
        CHECK(order == "wr");
    }

    // | a            | b            |
    // | read         |              |
    // |              | read         |
    // | <upgrade>    |              |
    // |              | <upgrade>    |
    // | (writes)     |              |
    // | unlock       |              |
    // |              | (writes)     |
    TEST_CASE("two readers that both upgrade get to write one after the other") {
        CoRwlock lock;
        std::string order;
        const auto body = [&](char letter) {
            return [&, letter] {
                lock.lock_shared();
                Coroutine::yield();
                lock.upgrade();
                order += letter;
                lock.unlock();
            };
        };
        Cancellable a(body('a'));
        Cancellable b(body('b'));
        a.enter();
        CHECK(order.empty());
        b.enter();
        CHECK(order == "ab");
    }

    TEST_CASE("a writer that locks its rwlock again is misuse, either way") {
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable coroutine(
                    [&] {
                        lock.lock();
                        lock.lock();
                    },
                    "writer");
            },
            "lock a rwlock: coroutine \"writer\" is its writer already");
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable coroutine(
                    [&] {
                        lock.lock();
                        lock.lock_shared();
                    },
                    "writer");
            },
            "read-lock a rwlock: coroutine \"writer\" is its writer; use downgrade()");
    }

    TEST_CASE("unlocking or downgrading a rwlock that one does not write is misuse") {
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable coroutine([&] { lock.unlock(); }, "worker");
            },
            "unlock a rwlock: coroutine \"worker\" is not its writer");
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable coroutine(
                    [&] {
                        lock.lock_shared();
                        lock.unlock();
                    },
                    "reader");
            },
            "unlock a rwlock: coroutine \"reader\" is not its writer");
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable coroutine(
                    [&] {
                        lock.lock_shared();
                        lock.downgrade();
                    },
                    "reader");
            },
            "downgrade a rwlock: coroutine \"reader\" is not its writer");
    }

    TEST_CASE("read-unlocking or upgrading a rwlock that one does not read is misuse") {
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable coroutine([&] { lock.unlock_shared(); }, "worker");
            },
            "read-unlock a rwlock: coroutine \"worker\" does not read it");
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable reader([&] {
                    lock.lock_shared();
                    Coroutine::yield();
                });
                const Cancellable other([&] { lock.unlock_shared(); }, "other");
            },
            "read-unlock a rwlock: coroutine \"other\" does not read it");
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable coroutine(
                    [&] {
                        lock.lock();
                        lock.unlock_shared();
                    },
                    "writer");
            },
            "read-unlock a rwlock: coroutine \"writer\" does not read it");
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable coroutine([&] { lock.upgrade(); }, "worker");
            },
            "upgrade a rwlock: coroutine \"worker\" does not read it");
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable coroutine(
                    [&] {
                        lock.lock();
                        lock.upgrade();
                    },
                    "writer");
            },
            "upgrade a rwlock: coroutine \"writer\" does not read it");
    }

    TEST_CASE("using a rwlock outside a coroutine is misuse") {
        const std::string why =
            " a rwlock: called outside a coroutine; it belongs to the coroutine that locks it";
        expect_misuse([] { CoRwlock().lock(); }, ("lock" + why).c_str());
        expect_misuse([] { static_cast<void>(CoRwlock().try_lock()); },
                      ("try to lock" + why).c_str());
        expect_misuse([] { CoRwlock().unlock(); }, ("unlock" + why).c_str());
        expect_misuse([] { CoRwlock().lock_shared(); }, ("read-lock" + why).c_str());
        expect_misuse([] { static_cast<void>(CoRwlock().try_lock_shared()); },
                      ("try to read-lock" + why).c_str());
        expect_misuse([] { CoRwlock().unlock_shared(); }, ("read-unlock" + why).c_str());
        expect_misuse([] { CoRwlock().upgrade(); }, ("upgrade" + why).c_str());
        expect_misuse([] { CoRwlock().downgrade(); }, ("downgrade" + why).c_str());
    }

    TEST_CASE("ending while holding a rwlock is misuse, as a reader and as a writer") {
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable coroutine([&] { lock.lock_shared(); }, "reader");
            },
            "coroutine \"reader\" ended while it held a lock; unlock it first");
        expect_misuse(
            [] {
                CoRwlock lock;
                const Cancellable coroutine(
                    [&] {
                        lock.lock_shared();
                        lock.upgrade();
                    },
                    "writer");
            },
            "coroutine \"writer\" ended while it held a lock; unlock it first");
    }

    TEST_CASE("destroying a rwlock that is held is misuse, whether others wait for it or not") {
        const auto destroy = [](void (CoRwlock::*hold)(), bool waited_for) {
            auto lock = std::make_unique<CoRwlock>();
            const auto body = [&] {
                (*lock.*hold)();
                Coroutine::yield();
            };
            const Cancellable holder(body, "holder");
            const Cancellable other([&] { waited_for ? lock->lock() : void(); });
            lock.reset();
        };
        expect_misuse(
            [&] { destroy(&CoRwlock::lock, false); },
            "a CoRwlock was destroyed while coroutine \"holder\" writes; unlock it first");
        expect_misuse(
            [&] { destroy(&CoRwlock::lock_shared, true); },
            "a CoRwlock was destroyed while somebody reads and others wait for it; unlock");
    }
}

// SPDX-License-Identifier: MIT
//
// A CoRwlock whose waiters are cancelled. In the tables <x> is a call that waits, (x) what it
// waited for.
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_rwlock.hpp>
#include <coloop/coroutine.hpp>

#include "support/cancellable.hpp"

using namespace coloop;

TEST_SUITE("CoRwlock, cancelled") {
    TEST_CASE("a free rwlock is taken even by a cancelled coroutine, in all ways") {
        CoRwlock lock;
        Cancellable coroutine([&] {
            CancelScope::innermost()->cancel();
            lock.lock();
            lock.unlock();
            lock.lock_shared();
            lock.upgrade();
            lock.downgrade();
            lock.unlock_shared();
        });
        CHECK(coroutine.done());
        CHECK_FALSE(coroutine.cut_short());
    }

    TEST_CASE("a cancelled coroutine does not wait for a rwlock") {
        CoRwlock lock;
        Cancellable writer([&] {
            lock.lock();
            Coroutine::yield();
            lock.unlock();
        });
        Cancellable reader([&] {
            CancelScope::innermost()->cancel();
            lock.lock_shared();
        });
        CHECK(reader.cut_short());
        Cancellable other([&] {
            CancelScope::innermost()->cancel();
            lock.lock();
        });
        CHECK(other.cut_short());
        writer.enter();
        CHECK(writer.done());
    }

    // | reader       | writer       | a            | b            |
    // | read         |              |              |              |
    // |              | <write>      |              |              |
    // |              |              | <read>       |              |
    // |              |              |              | <read>       |
    // | cancel writer|              |              |              |
    // |              | <Cancelled>  |              |              |
    // |              |              | (reads)      | (reads)      |
    TEST_CASE("a writer that is cancelled while it waits lets in the readers behind it") {
        CoRwlock lock;
        int reading = 0;
        Cancellable reader([&] {
            lock.lock_shared();
            Coroutine::yield();
            lock.unlock_shared();
        });
        Cancellable writer([&] { lock.lock(); });
        const auto body = [&] {
            lock.lock_shared();
            ++reading;
            Coroutine::yield();
            lock.unlock_shared();
        };
        Cancellable a(body);
        Cancellable b(body);
        CHECK(reading == 0);
        writer.cancel();
        run_ready();
        CHECK(writer.cut_short());
        CHECK(reading == 2);
        a.enter();
        b.enter();
        reader.enter();
    }

    TEST_CASE("a reader that is cancelled while it waits does not read") {
        CoRwlock lock;
        Cancellable writer([&] {
            lock.lock();
            Coroutine::yield();
            lock.unlock();
        });
        Cancellable reader([&] { lock.lock_shared(); });
        Cancellable next([&] {
            lock.lock();
            lock.unlock();
        });
        reader.cancel();
        run_ready();
        CHECK(reader.cut_short());
        CHECK_FALSE(next.done());
        writer.enter();
        CHECK(next.done());
    }

    TEST_CASE("let in and then cancelled in the same turn, a waiter has the rwlock") {
        CoRwlock lock;
        std::vector<Cancellable*> victims;
        Cancellable holder([&] {
            lock.lock();
            Coroutine::yield();
            lock.unlock();
            for (Cancellable* victim : victims) {
                victim->cancel();
            }
        });
        int read = 0;
        const auto body = [&] {
            lock.lock_shared();
            ++read;
            lock.unlock_shared();
            check_cancelled();
        };
        Cancellable a(body);
        Cancellable b(body);
        victims = {&a, &b};
        holder.enter();
        CHECK(read == 2);
        CHECK(a.cut_short());
        CHECK(b.cut_short());
    }

    TEST_CASE("an upgrade that is cancelled while it waits leaves a reader") {
        CoRwlock lock;
        Cancellable other([&] {
            lock.lock_shared();
            Coroutine::yield();
            lock.unlock_shared();
        });
        bool reader_again = false;
        Cancellable upgrader([&] {
            lock.lock_shared();
            try {
                lock.upgrade();
            } catch (const Cancelled&) {
                reader_again = true;
                Coroutine::yield();
                lock.unlock_shared();
                throw;
            }
        });
        upgrader.cancel();
        run_ready();
        CHECK(reader_again);
        other.enter();
        Cancellable writer([&] { CHECK_FALSE(lock.try_lock()); });
        upgrader.enter();
        CHECK(upgrader.cut_short());
        Cancellable last([&] {
            CHECK(lock.try_lock());
            lock.unlock();
        });
    }

    // | a            | upgrader     | w            | main         |
    // | read         |              |              |              |
    // |              | read         |              |              |
    // |              |              | <write>      |              |
    // |              | <upgrade>    |              |              |
    // |              |              |              | cancel upgr. |
    // |              | <its turn>   |              |              |
    // | unlock       |              |              |              |
    // |              |              | (writes)     |              |
    // |              |              | unlock       |              |
    // |              | (Cancelled, reads)          |              |
    TEST_CASE("a cancelled upgrade waits for its turn to read again, however often cancelled") {
        CoRwlock lock;
        Cancellable a([&] {
            lock.lock_shared();
            Coroutine::yield();
            lock.unlock_shared();
        });
        bool reader_again = false;
        Cancellable upgrader([&] {
            lock.lock_shared();
            Coroutine::yield();
            try {
                lock.upgrade();
            } catch (const Cancelled&) {
                reader_again = true;
                lock.unlock_shared();
                throw;
            }
        });
        Cancellable w([&] {
            lock.lock();
            CHECK_FALSE(reader_again);
            Coroutine::yield();
            lock.unlock();
        });
        upgrader.enter();
        upgrader.cancel();
        run_ready();
        upgrader.cancel();
        run_ready();
        CHECK_FALSE(upgrader.done());
        a.enter();
        CHECK_FALSE(upgrader.done());
        w.enter();
        CHECK(reader_again);
        CHECK(upgrader.cut_short());
    }

    // | a            | upgrader     | reader       | main         |
    // | read         |              |              |              |
    // |              | read         |              |              |
    // |              | <upgrade>    |              |              |
    // |              |              | <read>       |              |
    // |              |              |              | cancel upgr. |
    // |              | (Cancelled, reads)          |              |
    // |              |              | (reads)      |              |
    TEST_CASE("a cancelled upgrade lets in the readers behind it, and reads with them") {
        CoRwlock lock;
        Cancellable a([&] {
            lock.lock_shared();
            Coroutine::yield();
            lock.unlock_shared();
        });
        int reading = 0;
        Cancellable upgrader([&] {
            lock.lock_shared();
            try {
                lock.upgrade();
            } catch (const Cancelled&) {
                ++reading;
            }
            Coroutine::yield();
            lock.unlock_shared();
        });
        Cancellable reader([&] {
            lock.lock_shared();
            ++reading;
            Coroutine::yield();
            lock.unlock_shared();
        });
        CHECK(reading == 0);
        upgrader.cancel();
        run_ready();
        CHECK(reading == 2);
        for (Cancellable* one : {&a, &upgrader, &reader}) {
            one->enter();
        }
    }

    TEST_CASE("a cancelled coroutine that would have to wait to upgrade reads on undisturbed") {
        CoRwlock lock;
        Cancellable other([&] {
            lock.lock_shared();
            Coroutine::yield();
            lock.unlock_shared();
        });
        Cancellable writer([&] {
            Coroutine::yield();
            lock.lock();
            lock.unlock();
        });
        bool threw = false;
        Cancellable upgrader([&] {
            lock.lock_shared();
            CancelScope::innermost()->cancel();
            try {
                lock.upgrade();
            } catch (const Cancelled&) {
                threw = true;
            }
            Coroutine::yield();
            lock.unlock_shared();
        });
        CHECK(threw);
        other.enter();
        writer.enter();
        CHECK_FALSE(writer.done());
        upgrader.enter();
        CHECK(writer.done());
    }

    TEST_CASE("an upgrade that was granted and then cancelled in the same turn writes") {
        CoRwlock lock;
        Cancellable* victim = nullptr;
        Cancellable other([&] {
            lock.lock_shared();
            Coroutine::yield();
            lock.unlock_shared();
            victim->cancel();
        });
        bool writes = false;
        Cancellable upgrader([&] {
            lock.lock_shared();
            lock.upgrade();
            writes = true;
            lock.unlock();
            check_cancelled();
        });
        victim = &upgrader;
        other.enter();
        CHECK(writes);
        CHECK(upgrader.cut_short());
    }

    TEST_CASE("inside a shield waiters for a rwlock wait on") {
        CoRwlock lock;
        Cancellable holder([&] {
            lock.lock();
            Coroutine::yield();
            lock.unlock();
        });
        int done = 0;
        Cancellable reader([&] {
            const CancelScope shield(CancelScope::Kind::shield);
            const std::shared_lock guard(lock);
            ++done;
        });
        Cancellable writer([&] {
            const CancelScope shield(CancelScope::Kind::shield);
            const std::lock_guard guard(lock);
            ++done;
        });
        reader.cancel();
        writer.cancel();
        run_ready();
        CHECK(done == 0);
        holder.enter();
        CHECK(done == 2);
    }
}

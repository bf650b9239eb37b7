// SPDX-License-Identifier: MIT
//
// In the tables <x> is a call that waits, (x) what it waited for.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_rwlock.hpp>
#include <coloop/coroutine.hpp>

#include "coroutine/scheduler.hpp"
#include "support/cancellable.hpp"
#include "support/effort.hpp"
#include "support/expect_misuse.hpp"
#include "support/explore.hpp"
#include "support/random.hpp"

using namespace coloop;

static_assert(!std::is_copy_constructible_v<CoRwlock>);
static_assert(!std::is_move_constructible_v<CoRwlock>);

namespace {

/// Coroutines that use one lock as their scripts say, stopping between two steps: R lock_shared,
/// r unlock_shared, W lock, w unlock, U upgrade, D downgrade. `pick(n)`, a number below n, decides
/// who goes on next, who is cancelled (at most `cancels` times), and when those woken run.
/// Notes each breach of what a rwlock promises: one writer or many readers, in the order of asking,
/// and nobody left behind.
class RwlockUsers {
public:
    using Pick = std::function<std::size_t(std::size_t)>;

    static bool keep_the_rules(const std::vector<std::string>& scripts, Pick pick, int cancels) {
        auto users = std::make_unique<RwlockUsers>(scripts, std::move(pick), cancels);
        Coroutine driver([&] { users->drive(); });
        while (!driver.done()) {
            driver.enter();  // between two of these those woken run
        }
        const bool kept = users->breaches_ == 0;
        if (!kept) {
            static_cast<void>(users.release());  // some may be stuck, and could not be destroyed
        }
        return kept;
    }

    RwlockUsers(const std::vector<std::string>& scripts, Pick pick, int cancels)
        : pick_(std::move(pick)), cancels_(cancels) {
        for (const std::string& script : scripts) {
            users_.push_back(std::make_unique<User>(*this, script));
        }
    }

private:
    struct User {
        User(RwlockUsers& all, const std::string& what)
            : script(what), coroutine([this, &all] { all.act(*this); }) {}

        std::string script;
        CancelScope* scope = nullptr;
        bool stopped = true;  // between two steps, or before the first
        bool reads = false;
        bool wants_to_write = false;
        Coroutine coroutine;
    };

    void drive() {
        for (;;) {
            std::vector<User*> can_go_on;
            std::vector<User*> can_be_cancelled;
            bool all_done = true;
            for (const auto& user : users_) {
                if (user->stopped && !user->coroutine.done()) {
                    can_go_on.push_back(user.get());
                } else if (user->scope != nullptr && cancels_ > 0) {
                    can_be_cancelled.push_back(user.get());
                }
                all_done = all_done && user->coroutine.done();
            }
            const bool some_ready = Scheduler::without_loop().ready() > 0;
            if (can_go_on.empty() && !some_ready) {
                breaches_ += all_done ? 0 : 1;
                return;
            }
            const std::size_t choice =
                pick_(can_go_on.size() + can_be_cancelled.size() + (some_ready ? 1 : 0));
            if (choice < can_go_on.size()) {
                can_go_on[choice]->coroutine.enter();
            } else if (choice < can_go_on.size() + can_be_cancelled.size()) {
                --cancels_;
                can_be_cancelled[choice - can_go_on.size()]->scope->cancel();
            } else {
                Coroutine::yield();
            }
        }
    }

    void act(User& user) {
        user.stopped = false;
        CancelScope scope;
        user.scope = &scope;
        const bool finished = scope.run([&] {
            for (std::size_t i = 0; i < user.script.size(); ++i) {
                if (i > 0) {
                    user.stopped = true;
                    Coroutine::yield();
                    user.stopped = false;
                }
                step(user, user.script[i]);
            }
        });
        if (!finished && user.reads) {
            step(user, 'r');
        }
        user.scope = nullptr;
    }

    void step(User& user, char what) {
        switch (what) {
            case 'R':
                ask(user, false, [&] { lock_.lock_shared(); });
                begin_to_read(user);
                break;
            case 'W':
                ask(user, true, [&] { lock_.lock(); });
                begin_to_write();
                break;
            case 'U':
                stop_reading(user);
                try {
                    ask(user, true, [&] { lock_.upgrade(); });
                } catch (const Cancelled&) {
                    begin_to_read(user);
                    throw;
                }
                begin_to_write();
                break;
            case 'D':
                --writers_;
                begin_to_read(user);
                lock_.downgrade();
                break;
            case 'r':
                stop_reading(user);
                lock_.unlock_shared();
                break;
            default:
                --writers_;
                lock_.unlock();
        }
    }

    template <typename Lock>
    void ask(User& user, bool to_write, Lock lock) {
        user.wants_to_write = to_write;
        asking_.push_back(&user);
        try {
            lock();
        } catch (const Cancelled&) {
            std::erase(asking_, &user);
            throw;
        }
        // Whoever asked before has been cancelled, or reads together with this one.
        for (std::size_t i = 0; asking_[i] != &user; ++i) {
            const bool both_read = !to_write && !asking_[i]->wants_to_write;
            breaches_ += both_read || asking_[i]->scope->cancelled() ? 0 : 1;
        }
        std::erase(asking_, &user);
    }

    void begin_to_read(User& user) {
        user.reads = true;
        ++readers_;
        breaches_ += writers_ == 0 ? 0 : 1;
    }

    void stop_reading(User& user) {
        user.reads = false;
        --readers_;
    }

    void begin_to_write() {
        ++writers_;
        breaches_ += writers_ == 1 && readers_ == 0 ? 0 : 1;
    }

    CoRwlock lock_;
    Pick pick_;
    int cancels_;
    int readers_ = 0;
    int writers_ = 0;
    int breaches_ = 0;
    std::vector<User*> asking_;
    std::vector<std::unique_ptr<User>> users_;
};

/// Tries all orders in which `count` coroutines, each with any of the scripts, can go on.
void try_all_orders(std::size_t count, int cancels, std::vector<std::string> chosen = {},
                    std::size_t first = 0) {
    static const std::vector<std::string> scripts = {"Rr", "Ww", "RUw", "WDr", "RUDr"};
    if (chosen.size() < count) {
        for (std::size_t i = first; i < scripts.size(); ++i) {
            chosen.push_back(scripts[i]);
            try_all_orders(count, cancels, chosen, i);
            chosen.pop_back();
        }
        return;
    }
    std::string which;
    for (const std::string& script : chosen) {
        which += script + ' ';
    }
    explore([&](Choices& choices) {
        const auto pick = [&](std::size_t n) { return choices.pick(n); };
        if (!RwlockUsers::keep_the_rules(chosen, pick, cancels)) {
            FAIL_CHECK("broken by " << which << "in the order " << choices.text());
        }
    });
}

}  // namespace

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

    TEST_CASE("locks that go up and down again end where they began") {
        CoRwlock lock;
        Cancellable coroutine([&] {
            lock.lock_shared();
            for (int i = 0; i < 3; ++i) {
                lock.upgrade();
                lock.downgrade();
            }
            lock.unlock_shared();
            lock.lock();
            lock.downgrade();
            lock.upgrade();
            lock.unlock();
            CHECK(lock.try_lock());
            lock.unlock();
        });
        CHECK(coroutine.done());
    }

    TEST_CASE("in all orders of reading, writing, upgrading and downgrading nobody is left") {
        try_all_orders(coroutines_are_dear ? 3 : 4, 0);
    }

    TEST_CASE("in all orders with waiters cancelled nobody is left either") {
        try_all_orders(coroutines_are_dear ? 2 : 3, 2);
    }

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

    TEST_CASE("whatever is cancelled when, a rwlock has one writer or readers, in turn") {
        const std::vector<std::string> parts = {"Rr", "Ww", "RUw", "WDr", "RUDr", "WDUw"};
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            Random random(seed);
            std::vector<std::string> scripts(5);
            for (std::string& script : scripts) {
                for (int i = 0; i < 3; ++i) {
                    script += parts[random.below(parts.size())];
                }
            }
            CAPTURE(seed);
            CHECK(RwlockUsers::keep_the_rules(
                scripts, [&](std::size_t n) { return random.below(n); }, 3));
        }
    }
}

// SPDX-License-Identifier: MIT
//
// What a CoRwlock promises, in all orders of a few coroutines and in many of more.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_rwlock.hpp>
#include <coloop/coroutine.hpp>

#include "coroutine/scheduler.hpp"
#include "support/cancellable.hpp"
#include "support/effort.hpp"
#include "support/explore.hpp"
#include "support/random.hpp"

using namespace coloop;

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
        bool begun = false;
        bool stopped = true;  // between two steps, or before the first
        bool reads = false;
        bool wants_to_write = false;
        Coroutine coroutine;
    };

    void drive() {
        for (;;) {
            std::vector<User*> can_go_on;
            std::vector<User*> can_be_cancelled;
            const std::string* last_new = nullptr;
            bool all_done = true;
            for (const auto& user : users_) {
                if (user->stopped && !user->coroutine.done()) {
                    // Of those with one script that have not begun, who are next to each other, it
                    // makes no difference which goes first.
                    const bool same =
                        !user->begun && last_new != nullptr && *last_new == user->script;
                    last_new = user->begun ? last_new : &user->script;
                    if (!same) {
                        can_go_on.push_back(user.get());
                    }
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
        user.begun = true;
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

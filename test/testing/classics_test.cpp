// SPDX-License-Identifier: MIT
//
// The classic problems of concurrency, each in thousands of orders.
#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/clock.hpp>
#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/co_rwlock.hpp>
#include <coloop/co_semaphore.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/testing.hpp>
#include <coloop/timeout.hpp>

#include "support/effort.hpp"
#include "testing/bounded_buffer.hpp"
#include "testing/support.hpp"

namespace coloop::testing {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t orders = coroutines_are_dear ? 300 : 10'000;

/// Fails the run, and with it the series, so that its seed is told.
void demand(bool holds, const char* what) {
    if (!holds) {
        throw TestFailure(what);
    }
}

/// Calls `function()`; in one of three cases it is cancelled after a moment if it has not ended.
template <typename Function>
void maybe_cut_short(Function function) {
    if (pick(3) == 0) {
        move_on_after(std::chrono::milliseconds(pick(4)), function);
    } else {
        function();
    }
}

// ---- dining philosophers ----

constexpr std::size_t philosophers = 5;

enum class Manners { left_first, lower_first };

/// Each eats twice, with both forks next to it.
void dine(Manners manners) {
    CoMutex forks[philosophers];
    bool eats[philosophers] = {};
    TaskGroup table;
    for (std::size_t me = 0; me < philosophers; ++me) {
        table.spawn([&, me] {
            const std::size_t next = (me + 1) % philosophers;
            const bool swap = manners == Manners::lower_first && next < me;
            for (int meal = 0; meal < 2; ++meal) {
                const std::lock_guard one(forks[swap ? next : me]);
                give_way();
                const std::lock_guard other(forks[swap ? me : next]);
                demand(!eats[next] && !eats[(me + philosophers - 1) % philosophers],
                       "neighbours eat at once");
                eats[me] = true;
                give_way();
                eats[me] = false;
            }
        });
    }
    table.wait();
    demand(std::all_of(std::begin(forks), std::end(forks),
                       [](CoMutex& fork) {
                           const bool free = fork.try_lock();
                           if (free) {
                               fork.unlock();
                           }
                           return free;
                       }),
           "a fork is left in somebody's hand");
}

// ---- bounded buffer ----

/// What was put is taken once, whoever is cancelled meanwhile; and nobody waits for nothing.
void produce_and_consume() {
    BoundedBuffer buffer;
    std::multiset<int> put;
    std::multiset<int> taken;
    TaskGroup consumers;
    for (int i = 0; i < 3; ++i) {
        consumers.spawn([&] {
            maybe_cut_short([&] {
                for (;;) {
                    const int item = buffer.take();
                    if (item < 0) {
                        return;
                    }
                    taken.insert(item);
                }
            });
        });
    }
    TaskGroup producers;
    for (int i = 0; i < 3; ++i) {
        producers.spawn([&, i] {
            maybe_cut_short([&] {
                for (int j = 0; j < 3; ++j) {
                    buffer.put(3 * i + j);
                    put.insert(3 * i + j);
                    give_way();
                }
            });
        });
    }
    consumers.spawn([&] {  // in case that all others were cut short
        for (int item = buffer.take(); item >= 0; item = buffer.take()) {
            taken.insert(item);
        }
    });
    producers.wait();
    for (std::size_t left = consumers.size(); left > 0; left = consumers.size()) {
        buffer.put(-1);
        wait_until_all_blocked();
    }
    consumers.wait();
    demand(taken == put, "an item was lost or doubled");
}

// ---- readers and writers ----

/// A rwlock that checks what it promises: a writer is alone, and nobody overtakes. Readers that are
/// let in together may run in any order; all others are in the order in which they asked.
class FairLock {
public:
    void lock_shared() {
        in_turn(false, [&] { lock_.lock_shared(); });
        demand(!written_, "somebody reads while another writes");
        ++readers_;
    }

    void lock() {
        in_turn(true, [&] { lock_.lock(); });
        begin_writing();
    }

    /// Not for who may be cancelled: that one would be a reader again, in a turn of its own.
    void upgrade() {
        --readers_;
        in_turn(true, [&] { lock_.upgrade(); });
        begin_writing();
    }

    void downgrade() {
        written_ = false;
        ++readers_;
        lock_.downgrade();
    }

    void unlock_shared() {
        --readers_;
        lock_.unlock_shared();
    }

    void unlock() {
        written_ = false;
        lock_.unlock();
    }

private:
    struct Turn {
        int number;
        bool writes;
        const CancelScope* scope;
    };

    template <typename Ask>
    void in_turn(bool writes, Ask ask) {
        const int number = ++last_;
        asking_.push_back({number, writes, CancelScope::innermost()});
        try {
            ask();
        } catch (const Cancelled&) {
            leave(number);
            throw;
        }
        for (const Turn& earlier : asking_) {
            if (earlier.number == number) {
                break;
            }
            // Who was cancelled has left the line, even if it has not run since.
            demand((!writes && !earlier.writes) || earlier.scope->cancelled(),
                   "somebody was overtaken");
        }
        leave(number);
    }

    void leave(int number) {
        std::erase_if(asking_, [number](const Turn& turn) { return turn.number == number; });
    }

    void begin_writing() {
        demand(readers_ == 0 && !written_, "a writer is not alone");
        written_ = true;
    }

    CoRwlock lock_;
    std::deque<Turn> asking_;
    int last_ = 0;
    int readers_ = 0;
    bool written_ = false;
};

void read_once(FairLock& lock) {
    const std::shared_lock hold(lock);
    give_way();
}

void write_once(FairLock& lock) {
    const std::unique_lock hold(lock);
    give_way();
}

void read_then_write(FairLock& lock) {
    lock.lock_shared();
    give_way();
    lock.upgrade();
    const std::unique_lock hold(lock, std::adopt_lock);
    give_way();
}

void write_then_read(FairLock& lock) {
    {
        std::unique_lock hold(lock);
        give_way();
        hold.release();
    }
    lock.downgrade();
    const std::shared_lock hold(lock, std::adopt_lock);
    give_way();
}

/// Six of all kinds, some of whom are cut short.
void read_and_write() {
    FairLock lock;
    TaskGroup group;
    for (int i = 0; i < 6; ++i) {
        group.spawn([&lock] {
            switch (pick(4)) {
                case 0:
                    return read_then_write(lock);
                case 1:
                    return maybe_cut_short([&] { read_once(lock); });
                case 2:
                    return maybe_cut_short([&] { write_once(lock); });
                default:
                    return maybe_cut_short([&] { write_then_read(lock); });
            }
        });
    }
    group.wait();
    lock.lock();  // it is free again
    lock.unlock();
}

// ---- rate limiter ----

/// Lets through no more than `burst` in each `period`, in the order of asking.
class RateLimiter {
public:
    RateLimiter(std::size_t burst, std::chrono::nanoseconds period)
        : burst_(burst), period_(period) {}

    void acquire() {
        const std::lock_guard lock(turn_);
        if (passed_.size() == burst_) {
            sleep_by(monotonic_clock(), passed_.front() + period_.count());
            passed_.pop_front();
        }
        passed_.push_back(monotonic_clock().now());
    }

private:
    const std::size_t burst_;
    const std::chrono::nanoseconds period_;
    CoMutex turn_;
    std::deque<std::int64_t> passed_;
};

/// Ten who want to pass, some of whom give up: never more than three in a second, and no second is
/// wasted.
void limit_the_rate() {
    RateLimiter limiter(3, 1s);
    std::vector<std::int64_t> passed;
    const std::int64_t start = monotonic_clock().now();
    TaskGroup group;
    for (int i = 0; i < 10; ++i) {
        group.spawn([&] {
            const auto pass = [&] {
                limiter.acquire();
                passed.push_back(monotonic_clock().now());
            };
            if (pick(4) == 0) {
                move_on_after(std::chrono::milliseconds(500 * pick(4)), pass);
            } else {
                pass();
            }
        });
    }
    group.wait();
    for (std::size_t i = 3; i < passed.size(); ++i) {
        demand(passed[i] - passed[i - 3] >= std::chrono::nanoseconds(1s).count(),
               "four have passed in a second");
    }
    const auto seconds = static_cast<std::int64_t>((passed.size() - 1) / 3);
    demand(passed.back() - start == seconds * std::chrono::nanoseconds(1s).count(),
           "somebody waited longer than need be");
}

// ---- connection pool ----

/// Two connections for all; a permit for each.
class ConnectionPool {
public:
    template <typename Use>
    void with_connection(Use use) {
        struct Loan {
            ConnectionPool& pool;
            int connection;

            ~Loan() {
                pool.idle_.push_back(connection);
                pool.permits_.release();
            }
        };

        permits_.acquire();
        demand(!idle_.empty(), "there is a permit but no connection");
        const Loan loan{*this, idle_.back()};
        idle_.pop_back();
        use(loan.connection);
    }

    [[nodiscard]] bool is_whole() const { return permits_.available() == 2 && idle_.size() == 2; }

private:
    CoSemaphore permits_{2};
    std::vector<int> idle_{0, 1};
};

/// Eight clients, whom a deadline may hit while they wait and while they have one.
void share_connections() {
    ConnectionPool pool;
    int users[2] = {};
    int served = 0;
    int patient = 0;
    TaskGroup group;
    for (int i = 0; i < 8; ++i) {
        group.spawn([&] {
            const auto query = [&] {
                pool.with_connection([&](int connection) {
                    demand(users[connection] == 0, "two use one connection");
                    ++users[connection];
                    try {
                        co_sleep(1ms);
                    } catch (const Cancelled&) {
                        --users[connection];
                        throw;
                    }
                    --users[connection];
                });
            };
            if (pick(2) == 0) {
                move_on_after(std::chrono::milliseconds(pick(4)), query);
            } else {
                ++patient;
                query();
                ++served;
            }
        });
    }
    group.wait();
    demand(served == patient, "somebody with patience was not served");
    demand(pool.is_whole(), "a connection or a permit was lost");
}

}  // namespace

TEST_SUITE("classics") {
    TEST_CASE("dining philosophers who take the lower fork first all eat") {
        run_seeds(orders, [] { dine(Manners::lower_first); });
    }

    TEST_CASE("dining philosophers who take the left fork first starve in some orders") {
        const std::string text =
            text_of_failure([] { run_seeds(10'000, [] { dine(Manners::left_first); }); });
        CHECK(contains(text, "deadlock: nothing can wake the coroutines that are left"));
    }

    TEST_CASE("a bounded buffer loses nothing when producers and consumers are cancelled") {
        run_seeds(orders, produce_and_consume);
    }

    TEST_CASE("readers and writers are let in as they asked, also when they change sides") {
        run_seeds(orders, read_and_write);
    }

    TEST_CASE("a rate limiter lets through what it may, whoever gives up") {
        run_seeds(orders, limit_the_rate);
    }

    TEST_CASE("a pool of connections loses none when those who wait for one are cancelled") {
        run_seeds(orders, share_connections);
    }
}

}  // namespace coloop::testing

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/co_rwlock.hpp>
#include <coloop/co_semaphore.hpp>
#include <coloop/completion.hpp>

#include "testing/bounded_buffer.hpp"
#include "testing/scenarios.hpp"

namespace coloop::testing {

namespace {

void queue_wait(Attempt& attempt) {
    CoQueue queue;
    bool woke = false;
    TaskGroup group;
    when_all_blocked(group, [&] { woke = queue.wake_one(); });
    const bool whole = attempt.run([&] { queue.wait(); });
    group.wait();
    CHECK(whole == woke);
    CHECK(queue.empty());
}

void queue_wait_with_lock(Attempt& attempt) {
    CoQueue queue;
    CoMutex mutex;
    TaskGroup group;
    when_all_blocked(group, [&] {
        const std::lock_guard lock(mutex);
        queue.wake_one();
    });
    attempt.run([&] {
        std::unique_lock lock(mutex);
        try {
            queue.wait(lock);
        } catch (const Cancelled&) {
            CHECK(mutex.held_by_me());
            throw;
        }
        CHECK(mutex.held_by_me());
    });
    group.wait();
    CHECK(is_free(mutex));
}

/// The lock is taken while the waiter is away, so that it waits for it once more.
void queue_wait_with_busy_lock(Attempt& attempt) {
    CoQueue queue;
    CoMutex mutex;
    bool ready = false;
    TaskGroup group;
    when_all_blocked(group, [&] {
        const std::lock_guard lock(mutex);
        ready = true;
        queue.wake_all();
        for (int i = 0; i < 3; ++i) {
            give_way();
        }
    });
    attempt.run([&] {
        std::unique_lock lock(mutex);
        queue.wait(lock, [&] { return ready; });
        CHECK(mutex.held_by_me());
    });
    group.wait();
    CHECK(is_free(mutex));
}

void queue_wait_at_front(Attempt& attempt) {
    CoQueue queue;
    std::string order;
    TaskGroup group;
    group.spawn([&] {
        queue.wait();
        order += 'b';
    });
    wait_until_all_blocked();
    TaskGroup waker;
    when_all_blocked(waker, [&] { queue.wake_all(); });
    if (attempt.run([&] { queue.wait_at_front(); })) {
        order += 'a';
    }
    waker.wait();
    group.wait();
    CHECK(order.find('b') != std::string::npos);
    CHECK(queue.empty());
}

/// A wake for one reaches one, whoever is cancelled.
void queue_passes_wakes_on(Attempt& attempt) {
    CoQueue queue;
    int woken = 0;
    int woken_by_one = 0;
    TaskGroup others;
    TaskGroup waker;
    attempt.run([&] {
        others.spawn([&] {
            queue.wait();
            ++woken;
        });
        when_all_blocked(waker, [&] {
            queue.wake_one();
            wait_until_all_blocked();
            woken_by_one = woken;
            queue.wake_all();
        });
        queue.wait();
        ++woken;
    });
    waker.wait();
    others.wait();
    CHECK(woken_by_one == 1);
}

void mutex_lock(Attempt& attempt) {
    CoMutex mutex;
    TaskGroup group;
    hold(
        group, [&] { mutex.lock(); }, [&] { mutex.unlock(); });
    attempt.run([&] {
        const std::lock_guard lock(mutex);
        give_way();
    });
    group.wait();
    CHECK(is_free(mutex));
}

/// The one in the middle is cancelled; the others keep their places.
void mutex_in_line(Attempt& attempt) {
    CoMutex mutex;
    std::string order;
    TaskGroup group;
    const auto visit = [&](char name) {
        const std::lock_guard lock(mutex);
        order += name;
        give_way();
    };
    hold(
        group, [&] { mutex.lock(); }, [&] { mutex.unlock(); });
    attempt.run([&] {
        group.spawn([&] { visit('a'); });
        give_way();
        give_way();
        TaskGroup mine;
        mine.spawn([&] { visit('b'); });
        mine.wait();
    });
    group.spawn([&] { visit('c'); });
    group.wait();
    CHECK(is_free(mutex));
    CHECK(order.find('c') != std::string::npos);
    CHECK(std::count(order.begin(), order.end(), 'b') <= 1);
}

void rwlock_read(Attempt& attempt) {
    CoRwlock rwlock;
    TaskGroup group;
    hold(
        group, [&] { rwlock.lock(); }, [&] { rwlock.unlock(); });
    attempt.run([&] {
        const std::shared_lock lock(rwlock);
        give_way();
    });
    group.wait();
    CHECK(is_free(rwlock));
}

void rwlock_write(Attempt& attempt) {
    CoRwlock rwlock;
    TaskGroup group;
    for (int i = 0; i < 2; ++i) {
        hold(
            group, [&] { rwlock.lock_shared(); }, [&] { rwlock.unlock_shared(); });
    }
    attempt.run([&] {
        const std::unique_lock lock(rwlock);
        give_way();
    });
    group.wait();
    CHECK(is_free(rwlock));
}

/// Readers that came after a writer get in when it gives up.
void rwlock_writer_before_readers(Attempt& attempt) {
    CoRwlock rwlock;
    int readers = 0;
    TaskGroup group;
    hold(
        group, [&] { rwlock.lock_shared(); }, [&] { rwlock.unlock_shared(); });
    attempt.run([&] {
        for (int i = 0; i < 2; ++i) {
            group.spawn([&] {
                give_way();
                const std::shared_lock lock(rwlock);
                ++readers;
                give_way();
            });
        }
        const std::unique_lock lock(rwlock);
        give_way();
    });
    group.wait();
    CHECK((readers == 2 || readers == 0));
    CHECK(is_free(rwlock));
}

void rwlock_upgrade(Attempt& attempt) {
    CoRwlock rwlock;
    TaskGroup group;
    hold(
        group, [&] { rwlock.lock_shared(); }, [&] { rwlock.unlock_shared(); });
    attempt.run([&] {
        rwlock.lock_shared();
        try {
            rwlock.upgrade();
        } catch (const Cancelled&) {
            rwlock.unlock_shared();
            throw;
        }
        rwlock.unlock();
    });
    group.wait();
    CHECK(is_free(rwlock));
}

/// Two readers want to be the writer; one must give way to the other.
void rwlock_two_upgrades(Attempt& attempt) {
    CoRwlock rwlock;
    bool other_wrote = false;
    TaskGroup group;
    group.spawn([&] {
        rwlock.lock_shared();
        wait_until_all_blocked();
        rwlock.upgrade();
        other_wrote = true;
        give_way();
        rwlock.unlock();
    });
    give_way();
    attempt.run([&] {
        rwlock.lock_shared();
        try {
            rwlock.upgrade();
        } catch (const Cancelled&) {
            rwlock.unlock_shared();
            throw;
        }
        give_way_in_shield();
        rwlock.unlock();
    });
    group.wait();
    CHECK(other_wrote);
    CHECK(is_free(rwlock));
}

void rwlock_downgrade(Attempt& attempt) {
    CoRwlock rwlock;
    bool wrote = false;
    bool read = false;
    TaskGroup group;
    hold(
        group, [&] { rwlock.lock_shared(); }, [&] { rwlock.unlock_shared(); });
    attempt.run([&] {
        rwlock.lock();
        wrote = true;
        group.spawn([&] {
            const std::shared_lock lock(rwlock);
            read = true;
            give_way();
        });
        give_way_in_shield();
        rwlock.downgrade();
        const std::shared_lock mine(rwlock, std::adopt_lock);
        give_way();
    });
    group.wait();
    CHECK(read == wrote);
    CHECK(is_free(rwlock));
}

void semaphore_acquire(Attempt& attempt) {
    CoSemaphore semaphore(3);
    TaskGroup group;
    hold(
        group, [&] { semaphore.acquire(2); }, [&] { semaphore.release(2); });
    const bool whole = attempt.run([&] { semaphore.acquire(2); });
    group.wait();
    CHECK(semaphore.available() == (whole ? 1 : 3));
}

/// A large request that is cancelled lets the smaller one behind it through.
void semaphore_large_before_small(Attempt& attempt) {
    CoSemaphore semaphore(2);
    TaskGroup group;
    hold(
        group, [&] { semaphore.acquire(); }, [&] { semaphore.release(); });
    attempt.run([&] {
        group.spawn([&] {
            give_way();
            semaphore.acquire();
            semaphore.release();
        });
        semaphore.acquire(2);
        semaphore.release(2);
    });
    group.wait();
    CHECK(semaphore.available() == 2);
}

void completion_wait(Attempt& attempt) {
    Completion<int> completion;
    TaskGroup group;
    when_all_blocked(group, [&] { completion.set(42); });
    int value = 0;
    attempt.run([&] { value = completion.wait(); });
    group.wait();
    CHECK(value == 42);
}

void completion_wait_with_cancel(Attempt& attempt) {
    Completion<int> completion;
    bool hurried = false;
    TaskGroup group;
    when_all_blocked(group, [&] {
        if (!completion.is_set()) {
            completion.set(1);
        }
    });
    int value = 0;
    attempt.run([&] {
        value = completion.wait([&] {
            hurried = true;
            if (!completion.is_set()) {
                completion.set(2);
            }
        });
    });
    group.wait();
    CHECK(value == (hurried ? 2 : 1));
}

/// Takes until the zero comes.
std::vector<int> take_all(BoundedBuffer& buffer) {
    std::vector<int> taken;
    for (int item = buffer.take(); item != 0; item = buffer.take()) {
        taken.push_back(item);
    }
    return taken;
}

void buffer_put(Attempt& attempt) {
    BoundedBuffer buffer;
    std::vector<int> put;
    std::vector<int> taken;
    TaskGroup group;
    when_all_blocked(group, [&] { taken = take_all(buffer); });
    attempt.run([&] {
        for (int i = 1; i <= 4; ++i) {
            buffer.put(i);
            put.push_back(i);
        }
    });
    buffer.put(0);
    group.wait();
    CHECK(taken == put);
}

void buffer_take(Attempt& attempt) {
    BoundedBuffer buffer;
    std::vector<int> taken;
    TaskGroup group;
    when_all_blocked(group, [&] {
        for (const int item : {1, 2, 3, 4, 0}) {
            buffer.put(item);
        }
    });
    attempt.run([&] {
        while (taken.size() < 4) {
            taken.push_back(buffer.take());
        }
    });
    for (const int item : take_all(buffer)) {
        taken.push_back(item);
    }
    group.wait();
    CHECK(taken == std::vector<int>{1, 2, 3, 4});
}

constexpr Scenario scenarios[] = {
    {"wait in a queue", queue_wait},
    {"wait in a queue with a lock", queue_wait_with_lock},
    {"wait in a queue with a lock that is taken meanwhile", queue_wait_with_busy_lock},
    {"wait at the front of a queue", queue_wait_at_front},
    {"wake one of two who wait in a queue", queue_passes_wakes_on},
    {"lock a mutex", mutex_lock},
    {"lock a mutex, in the middle of a line", mutex_in_line},
    {"lock a rwlock for reading", rwlock_read},
    {"lock a rwlock for writing", rwlock_write},
    {"lock a rwlock for writing, ahead of readers", rwlock_writer_before_readers},
    {"upgrade a rwlock", rwlock_upgrade},
    {"upgrade a rwlock that another reader upgrades, too", rwlock_two_upgrades},
    {"downgrade a rwlock", rwlock_downgrade},
    {"acquire a semaphore", semaphore_acquire},
    {"acquire much of a semaphore, ahead of one who wants little", semaphore_large_before_small},
    {"wait for a completion", completion_wait},
    {"wait for a completion that is told to hurry", completion_wait_with_cancel},
    {"put into a bounded buffer", buffer_put},
    {"take from a bounded buffer", buffer_take},
};

}  // namespace

std::span<const Scenario> sync_scenarios() { return scenarios; }

TEST_SUITE("cancel at every step") {
    TEST_CASE("queues, locks and semaphores") {
        cancel_each(scenarios, {.order = Order::fifo});
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
            CAPTURE(seed);
            cancel_each(scenarios, {.seed = seed});
        }
    }

    TEST_CASE("there are scenarios for all that waits") {
        std::size_t count = 0;
        for (const auto& scenarios :
             {sync_scenarios(), loop_scenarios(), network_scenarios(), file_scenarios(),
              part_scenarios(), system_scenarios(), transfer_scenarios()}) {
            count += scenarios.size();
        }
        CHECK(count >= 150);
    }
}

}  // namespace coloop::testing

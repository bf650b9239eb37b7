// SPDX-License-Identifier: MIT
#include <chrono>
#include <stdexcept>
#include <string>

#include <coloop/call_with_stack.hpp>
#include <coloop/clock.hpp>
#include <coloop/co_mutex.hpp>
#include <coloop/memory_stream.hpp>
#include <coloop/sleep.hpp>
#include <coloop/timeout.hpp>

#include "testing/scenarios.hpp"

namespace coloop::testing {

using namespace std::chrono_literals;

namespace {

void sleep_an_hour(Attempt& attempt) {
    const std::int64_t start = manual_clock().now();
    const bool whole = attempt.run([] { co_sleep(1h); });
    const std::chrono::nanoseconds slept(manual_clock().now() - start);
    expect((slept == 1h || (!whole && slept == 0h)));
}

void sleep_for_nothing(Attempt& attempt) {
    attempt.run([] { co_sleep_ns(0); });
}

void sleep_until(Attempt& attempt) {
    attempt.run([] {
        sleep_by(monotonic_clock(), monotonic_clock().now() + 1'000'000);
        co_sleep_until(std::chrono::steady_clock::time_point(
            std::chrono::nanoseconds(monotonic_clock().now() + 5)));
    });
}

void sleep_by_wall_clock(Attempt& attempt) {
    attempt.run([] { sleep_by(wall_clock(), wall_clock().now() + 1000); });
}

void sleep_by_virtual_clock(Attempt& attempt) {
    VirtualClock clock(VirtualClock::State::paused);
    TaskGroup group;
    when_all_blocked(group, [&] {
        clock.advance(5);
        clock.resume();
    });
    attempt.run([&] { co_sleep_ns(clock, 10); });
    group.wait();
}

void timeout_that_fires(Attempt& attempt) {
    attempt.run([] { expect_thrown<TimedOut>([] { with_timeout(1h, [] { co_sleep(2h); }); }); });
}

void timeout_that_does_not_fire(Attempt& attempt) {
    attempt.run([] { expect(with_timeout(2h, [] { return co_sleep(1h), 7; }) == 7); });
}

void timeouts_nested(Attempt& attempt) {
    attempt.run([] {
        const bool in_time = move_on_after(3h, [] {
            expect_not(move_on_after(1h, [] { co_sleep(9h); }));
            expect_thrown<TimedOut>([] { with_timeout(1h, [] { co_sleep(9h); }); });
            with_timeout(9h, [] { co_sleep(9h); });
        });
        expect_not(in_time);
    });
}

/// Both deadlines and the sleep end at the same moment.
void timeouts_at_once(Attempt& attempt) {
    attempt.run([] { move_on_after(1h, [] { move_on_after(1h, [] { co_sleep(1h); }); }); });
}

void uncancellable_sleep(Attempt& attempt) {
    const std::int64_t start = manual_clock().now();
    bool after = false;
    const bool whole = attempt.run([&] {
        uncancellable([] { co_sleep(1h); });
        after = true;
        co_sleep(1h);
    });
    expect(after);
    expect(manual_clock().now() - start >= std::chrono::nanoseconds(1h).count());
    expect((whole || attempt.cancelled()));
}

void timeout_in_a_shield(Attempt& attempt) {
    attempt.run(
        [] { uncancellable([] { expect_not(move_on_after(1h, [] { CoQueue().wait(); })); }); });
}

void computation(Attempt& attempt) {
    attempt.run([] {
        for (int i = 0; i < 3; ++i) {
            check_cancelled();
            give_way();
        }
    });
}

void big_stack(Attempt& attempt) {
    attempt.run(
        [] { expect(call_with_stack(std::size_t{1} << 20, [] { return co_sleep(1h), 7; }) == 7); });
}

void big_stack_twice(Attempt& attempt) {
    attempt.run([] {
        expect_thrown<std::runtime_error>([] {
            call_with_stack(std::size_t{1} << 20, [] {
                with_timeout(2h, [] {
                    call_with_stack(std::size_t{1} << 21, [] { co_sleep(1h); });
                    throw std::runtime_error("through two stacks");
                });
            });
        });
    });
}

void loop_stack(Attempt& attempt) {
    attempt.run([] {
        co_sleep(1h);
        run_on_loop_stack([] { check_cancelled(); });
        co_sleep(1h);
    });
}

void group_wait(Attempt& attempt) {
    int ended = 0;
    const bool whole = attempt.run([&] {
        TaskGroup group;
        for (int i = 1; i <= 3; ++i) {
            group.spawn([&ended, i] {
                co_sleep(std::chrono::hours(i));
                ++ended;
            });
        }
        group.wait();
    });
    expect((!whole || ended == 3));
}

/// The destructor cancels and joins, also when it is reached by Cancelled.
void group_destroyed(Attempt& attempt) {
    int alive = 0;
    attempt.run([&] {
        TaskGroup group;
        for (int i = 0; i < 3; ++i) {
            group.spawn([&] {
                struct Count {
                    int& number;
                    explicit Count(int& which) : number(which) { ++number; }
                    ~Count() { --number; }
                } const count(alive);
                co_sleep(1h);
            });
        }
        give_way();
    });
    expect(alive == 0);
}

void group_cancelled(Attempt& attempt) {
    attempt.run([] {
        TaskGroup group;
        group.spawn([] { co_sleep(1h); });
        give_way();
        group.cancel();
        group.wait();
    });
}

void group_with_failure(Attempt& attempt) {
    attempt.run([] {
        TaskGroup group;
        group.spawn([] { co_sleep(9h); });
        group.spawn([] {
            co_sleep(1h);
            throw std::runtime_error("as planned");
        });
        expect_thrown<std::runtime_error>([&] { group.wait(); });
    });
}

/// What fails while the group is being cancelled is not lost.
void group_with_failure_in_cleanup(Attempt& attempt) {
    attempt.run([] {
        TaskGroup group;
        group.spawn([] {
            try {
                co_sleep(2h);
            } catch (const Cancelled&) {
                throw std::runtime_error("while cancelled");
            }
        });
        group.spawn([] {
            co_sleep(1h);
            throw std::logic_error("first");
        });
        expect_thrown<std::logic_error>([&] {
            try {
                group.wait();
            } catch (const std::runtime_error&) {
                check_cancelled();  // then the clean-up was the first to fail
                throw;
            }
        });
        expect(group.failures().size() == 2);
    });
}

void group_of_groups(Attempt& attempt) {
    int leaves = 0;
    const bool whole = attempt.run([&] {
        TaskGroup outer;
        for (int i = 0; i < 2; ++i) {
            outer.spawn([&leaves] {
                TaskGroup inner;
                for (int j = 1; j <= 2; ++j) {
                    inner.spawn([&leaves, j] {
                        co_sleep(std::chrono::hours(j));
                        ++leaves;
                    });
                }
                inner.wait();
            });
        }
        outer.wait();
    });
    expect((!whole || leaves == 4));
}

void group_spawned_from_a_child(Attempt& attempt) {
    attempt.run([] {
        TaskGroup group;
        group.spawn([&group] {
            give_way();
            group.spawn([&group] {
                group.spawn([] { co_sleep(1h); });
                give_way();
            });
        });
        group.wait();
    });
}

void shielded_group(Attempt& attempt) {
    bool finished = false;
    attempt.run([&] {
        TaskGroup group({.shielded = true});
        group.spawn([&] {
            co_sleep(1h);
            finished = true;
        });
        uncancellable([&] { group.wait(); });
    });
    expect(finished);
}

/// A child holds the lock that its parent waits for.
void group_and_lock(Attempt& attempt) {
    CoMutex mutex;
    attempt.run([&] {
        TaskGroup group;
        group.spawn([&] {
            const std::lock_guard lock(mutex);
            co_sleep(1h);
        });
        give_way();
        with_timeout(2h, [&] { const std::lock_guard lock(mutex); });
        group.wait();
    });
    expect(is_free(mutex));
}

void memory_read(Attempt& attempt) {
    auto [near, far] = memory_stream_pair({.latency = 1s, .longest_read = 2});
    near.write("12345");
    near.shutdown_write();
    std::string text;
    const auto read_all = [&far = far, &text] {
        std::byte bytes[8];
        while (const std::size_t count = far.read(bytes)) {
            text.append(reinterpret_cast<const char*>(bytes), count);
        }
    };
    attempt.run(read_all);
    read_all();
    expect(text == "12345");
}

void memory_write(Attempt& attempt) {
    auto [near, far] = memory_stream_pair({.capacity = 2, .longest_write = 1});
    std::string got(6, '\0');
    TaskGroup group;
    when_all_blocked(group, [&far = far, &got] {
        const Result<void> result =
            far.read_exactly(std::as_writable_bytes(std::span(got)), std::nothrow);
        expect((result || result.error().code() == Errc::end_of_stream));
    });
    const bool whole = attempt.run([&near = near] { near.write("123456"); });
    near.close();
    group.wait();
    expect(std::string("123456").starts_with(got.c_str()));
    expect((!whole || got == "123456"));
}

constexpr Scenario scenarios[] = {
    {"sleep", sleep_an_hour},
    {"sleep for no time", sleep_for_nothing},
    {"sleep until a moment", sleep_until},
    {"sleep by the wall clock", sleep_by_wall_clock},
    {"sleep by a virtual clock", sleep_by_virtual_clock},
    {"a timeout that fires", timeout_that_fires},
    {"a timeout that does not fire", timeout_that_does_not_fire},
    {"timeouts in timeouts", timeouts_nested},
    {"timeouts and a sleep that end at once", timeouts_at_once},
    {"an uncancellable sleep", uncancellable_sleep},
    {"a timeout in a shield", timeout_in_a_shield},
    {"a computation that asks whether it is cancelled", computation},
    {"sleep on a bigger stack", big_stack},
    {"an exception through two bigger stacks", big_stack_twice},
    {"a call on the loop's stack", loop_stack},
    {"wait for a group", group_wait},
    {"destroy a group", group_destroyed},
    {"cancel a group", group_cancelled},
    {"a group with a failure", group_with_failure},
    {"a group with a failure in the clean-up of another", group_with_failure_in_cleanup},
    {"groups in a group", group_of_groups},
    {"a group whose children spawn", group_spawned_from_a_child},
    {"a shielded group", shielded_group},
    {"a group and a lock", group_and_lock},
    {"read from memory", memory_read},
    {"write to memory", memory_write},
};

}  // namespace

std::span<const Scenario> loop_scenarios() { return scenarios; }

TEST_SUITE("cancel at every step") {
    TEST_CASE("sleeps, timeouts, groups and streams in memory") {
        cancel_each(scenarios, {.order = Order::fifo});
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
            CAPTURE(seed);
            cancel_each(scenarios, {.seed = seed});
        }
    }
}

}  // namespace coloop::testing

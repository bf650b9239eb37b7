// SPDX-License-Identifier: MIT
//
// What a loop's coroutines cost: spawning, waking, sleeping, and a million of them.
#include <coloop/co_queue.hpp>
#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>

#include "bench.hpp"
#include "memory.hpp"
#include "shuffle.hpp"

namespace {

using bench::Run;

constexpr long batch = 100;

void spawn_with(Run& run, const coloop::CoroutineOptions& options) {
    coloop::Loop loop;
    long ran = 0;
    long spawned = 0;
    run.measure([&](long count) {
        for (long i = 0; i < count; i += batch, spawned += batch) {
            for (long k = 0; k < batch; ++k) {
                loop.spawn([&ran] { ++ran; }, options);
            }
            loop.run();
        }
    });
    bench::check(ran == spawned, "each coroutine ran");
}

void spawn(Run& run) { spawn_with(run, {}); }

void spawn_named(Run& run) { spawn_with(run, {.name = "connection"}); }

void spawn_join(Run& run) {
    coloop::Loop loop;
    loop.spawn([&] {
        long ran = 0;
        long spawned = 0;
        run.measure([&](long count) {
            for (long i = 0; i < count; ++i, ++spawned) {
                coloop::TaskGroup group;
                group.spawn([&ran] { ++ran; });
                group.wait();
            }
        });
        bench::check(ran == spawned, "each child ran");
    });
    loop.run();
}

/// Waiters in batches: one wakes them all, then they run.
void wake(Run& run) {
    coloop::Loop loop;
    coloop::CoQueue queue;
    bool stop = false;
    long woken = 0;
    for (int i = 0; i < batch; ++i) {
        loop.spawn([&] {
            for (queue.wait(); !stop; queue.wait()) {
                ++woken;
            }
        });
    }
    loop.spawn([&] {
        long waked = 0;
        run.measure([&](long count) {
            for (long i = 0; i < count; i += batch, waked += batch) {
                coloop::co_sleep_ns(0);
                queue.wake_all();
            }
        });
        coloop::co_sleep_ns(0);
        stop = true;
        bench::check(woken == waked, "each waiter ran as often as it was woken");
        queue.wake_all();
    });
    loop.run();
}

/// So many nanoseconds at a time: with 0 the loop polls once, with 1 its timer has to ring, for all
/// sleepers at once.
template <std::int64_t nanoseconds>
void sleep(Run& run) {
    coloop::Loop loop;
    run.measure([&](long count) {
        long slept = 0;
        for (long i = 0; i < batch; ++i) {
            loop.spawn([&slept, count] {
                for (long k = 0; k < count; k += batch, ++slept) {
                    coloop::co_sleep_ns(nanoseconds);
                }
            });
        }
        loop.run();
        bench::check(slept >= count, "each sleep ended");
    });
}

/// Starts so many sleeps of one to a thousand milliseconds, which end in order.
void sleepers(Run& run) {
    coloop::Loop loop;
    const bench::Memory memory;
    long ended = 0;
    run.measure_cold([&] {
        for (long i = 0; i < run.operations(); ++i) {
            loop.spawn([&ended, i] {
                coloop::co_sleep_ns(bench::shuffled_milliseconds(i) * 1'000'000);
                ++ended;
            });
        }
        loop.run();
    });
    bench::check(ended == run.operations(), "each sleeper woke");
    memory.report(run.operations());
}

/// Starts so many sleeps that are far too long, and cancels them all.
void cancelled_sleepers(Run& run) {
    coloop::Loop loop;
    loop.spawn([&] {
        long asleep = 0;
        long cancelled = 0;
        run.measure_cold([&] {
            coloop::TaskGroup group;
            for (long i = 0; i < run.operations(); ++i) {
                group.spawn([&, i] {
                    ++asleep;
                    try {
                        coloop::co_sleep_ns(bench::shuffled_milliseconds(i) * 3'600'000'000'000);
                    } catch (const coloop::Cancelled&) {
                        ++cancelled;
                    }
                });
            }
            while (asleep < run.operations()) {
                coloop::co_sleep_ns(0);
            }
            group.cancel();
            group.wait();
        });
        bench::check(cancelled == run.operations(), "each sleeper was cancelled");
    });
    loop.run();
}

/// The sum of `size` numbers from `first` on, by a tree with ten coroutines below each.
long sum_of(long first, long size) {
    if (size == 1) {
        return first;
    }
    long sum = 0;
    coloop::TaskGroup group;
    for (long child = 0; child < 10; ++child) {
        group.spawn([&sum, begin = first + child * size / 10, size] {
            const long of_child = sum_of(begin, size / 10);
            sum += of_child;
        });
    }
    group.wait();
    return sum;
}

void skynet(Run& run) {
    const long size = run.operations();
    coloop::Loop loop;
    loop.spawn([&] {
        long sum = 0;
        run.measure_cold([&] { sum = sum_of(0, size); });
        bench::check(sum == size * (size - 1) / 2, "the sum is right");
    });
    loop.run();
}

template <std::size_t stack_size>
void suspended(Run& run) {
    coloop::Loop loop;
    coloop::CoQueue queue;
    const bench::Memory memory;
    long ran = 0;
    run.measure_cold([&] {
        for (long i = 0; i < run.operations(); ++i) {
            loop.spawn(
                [&] {
                    queue.wait();
                    ++ran;
                },
                {.stack_size = stack_size});
        }
        loop.spawn([&] {
            memory.report(run.operations());
            queue.wake_all();
        });
        loop.run();
    });
    bench::check(ran == run.operations(), "each coroutine ran");
}

constexpr bench::Test tests[] = {
    {"spawn", spawn},
    {"spawn-named", spawn_named},
    {"spawn-join", spawn_join},
    {"wake", wake},
    {"sleep-zero", sleep<0>},
    {"sleep", sleep<1>},
    {"sleepers", sleepers},
    {"cancelled-sleepers", cancelled_sleepers},
    {"skynet", skynet},
    {"suspended", suspended<coloop::default_stack_size>},
    {"suspended-64k", suspended<65536>},
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }

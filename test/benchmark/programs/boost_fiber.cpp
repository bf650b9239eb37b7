// SPDX-License-Identifier: MIT
//
// Boost.Fiber, with pooled stacks: fibers with a scheduler of their own.
#include <boost/fiber/all.hpp>

#include "bench.hpp"
#include "memory.hpp"
#include "shuffle.hpp"

namespace {

namespace fibers = boost::fibers;
using bench::Run;
using Stacks = boost::context::pooled_fixedsize_stack;

template <typename Function>
fibers::fiber make(Stacks& stacks, Function function) {
    return {fibers::launch::post, std::allocator_arg, stacks, function};
}

/// Main and another fiber take turns.
void round_trip(Run& run) {
    Stacks stacks;
    bool stop = false;
    long yields = 0;
    fibers::fiber peer = make(stacks, [&] {
        while (!stop) {
            ++yields;
            boost::this_fiber::yield();
        }
    });
    long turns = 0;
    run.measure([&](long count) {
        for (long i = 0; i < count; ++i) {
            boost::this_fiber::yield();
        }
        turns += count;
    });
    bench::check(yields >= turns - 1, "they took turns");
    stop = true;
    peer.join();
}

void spawn_join(Run& run) {
    Stacks stacks;
    long ran = 0;
    long spawned = 0;
    run.measure([&](long count) {
        for (long i = 0; i < count; ++i, ++spawned) {
            make(stacks, [&ran] { ++ran; }).join();
        }
    });
    bench::check(ran == spawned, "each fiber ran");
}

/// Numbers through a channel of no capacity.
void channel(Run& run) {
    Stacks stacks;
    run.measure([&](long count) {
        fibers::unbuffered_channel<long> numbers;
        long sum = 0;
        fibers::fiber receiver = make(stacks, [&] {
            for (const long number : numbers) {
                sum += number;
            }
        });
        for (long i = 0; i < count; ++i) {
            numbers.push(i);
        }
        numbers.close();
        receiver.join();
        bench::check(sum == count * (count - 1) / 2, "each number arrived");
    });
}

void mutex(Run& run) {
    fibers::mutex mutex;
    run.measure([&](long count) {
        for (long i = 0; i < count; ++i) {
            mutex.lock();
            mutex.unlock();
        }
    });
}

/// Two that each hold the lock while the other one gets in line.
void mutex_contended(Run& run) {
    Stacks stacks;
    fibers::mutex mutex;
    run.measure([&](long count) {
        long locked = 0;
        const auto work = [&] {
            for (long i = 0; i < count / 2; ++i) {
                mutex.lock();
                ++locked;
                boost::this_fiber::yield();
                mutex.unlock();
            }
        };
        fibers::fiber first = make(stacks, work);
        fibers::fiber second = make(stacks, work);
        first.join();
        second.join();
        bench::check(locked == count / 2 * 2, "each locking happened");
    });
}

void sleepers(Run& run) {
    Stacks stacks;
    const bench::Memory memory;
    long ended = 0;
    run.measure_cold([&] {
        std::vector<fibers::fiber> all;
        for (long i = 0; i < run.operations(); ++i) {
            all.push_back(make(stacks, [&ended, i] {
                boost::this_fiber::sleep_for(
                    std::chrono::milliseconds(bench::shuffled_milliseconds(i)));
                ++ended;
            }));
        }
        for (fibers::fiber& fiber : all) {
            fiber.join();
        }
    });
    bench::check(ended == run.operations(), "each sleeper woke");
    memory.report(run.operations());
}

constexpr bench::Test tests[] = {
    {"round-trip", round_trip}, {"spawn-join", spawn_join},           {"channel", channel},
    {"mutex", mutex},           {"mutex-contended", mutex_contended}, {"sleepers", sleepers},
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }

// SPDX-License-Identifier: MIT
//
// What the bare mechanism and the loop cost, beside a function call and Boost.Context's bare
// jump_fcontext round trip, which keeps neither exception state nor errno.
#include <array>
#include <cstdlib>
#include <cstring>

#include <boost/context/detail/fcontext.hpp>

#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>

#include "benchmark/bench.hpp"

namespace {

namespace fcontext = boost::context::detail;
using coloop::Coroutine;

alignas(64) std::array<char, 65536> fcontext_stack;

void fcontext_peer(fcontext::transfer_t transfer) {
    for (;;) {
        transfer = fcontext::jump_fcontext(transfer.fctx, nullptr);
    }
}

void fcontext_round_trips(long count) {
    static fcontext::fcontext_t peer = fcontext::make_fcontext(
        fcontext_stack.data() + fcontext_stack.size(), fcontext_stack.size(), fcontext_peer);
    for (long i = 0; i < count; ++i) {
        peer = fcontext::jump_fcontext(peer, nullptr).fctx;
    }
}

[[gnu::noinline]] void empty_function() { asm volatile(""); }

[[gnu::noinline]] void yield_at_depth(int depth) {
    if (depth == 0) {
        Coroutine::yield();
    } else {
        yield_at_depth(depth - 1);
        asm volatile("");
    }
}

void enter_nested(int depth) {
    if (depth > 0) {
        Coroutine inner([depth] { enter_nested(depth - 1); });
        inner.enter();
    }
}

/// A coroutine that never ends; nobody destroys it, because a suspended one can't be.
template <typename Function>
Coroutine& endless(Function function) {
    return *new Coroutine([function] {
        for (;;) {
            function();
        }
    });
}

void add_bare(bench::Group& group) {
    group.add("jump_fcontext round trip", 10'000'000, fcontext_round_trips);
    group.add("function call", 100'000'000, [](long count) {
        for (long i = 0; i < count; ++i) {
            empty_function();
        }
    });
    group.add("enter + yield", 10'000'000, [&peer = endless([] { Coroutine::yield(); })](long n) {
        for (long i = 0; i < n; ++i) {
            peer.enter();
        }
    });
    group.add("enter + yield, 4 frames deep in the coroutine", 10'000'000,
              [&peer = endless([] { yield_at_depth(4); })](long n) {
                  for (long i = 0; i < n; ++i) {
                      peer.enter();
                  }
              });
    group.add("create + run + end", 10'000'000, [](long count) {
        long sum = 0;
        for (long i = 0; i < count; ++i) {
            Coroutine coroutine([&sum, i] { sum += i; });
            coroutine.enter();
        }
        bench::keep(sum);
    });
    group.add("nested 1,000 deep, per coroutine", 1'000'000, [](long count) {
        for (long i = 0; i < count; i += 1000) {
            enter_nested(1000);
        }
    });
}

void add_loop(bench::Group& group) {
    group.add("jump_fcontext round trip", 10'000'000, fcontext_round_trips);
    group.add("Loop::spawn + run + end, in batches of 100", 1'000'000, [](long count) {
        coloop::Loop loop;
        long sum = 0;
        for (long i = 0; i < count; i += 100) {
            for (long k = 0; k < 100; ++k) {
                loop.spawn([&sum] { ++sum; });
            }
            loop.run();
        }
        bench::keep(sum);
    });
    group.add("wake of a waiter + its run, in batches of 100", 2'000'000, [](long count) {
        coloop::Loop loop;
        coloop::CoQueue queue;
        bool stop = false;
        for (int i = 0; i < 100; ++i) {
            loop.spawn([&] {
                while (!stop) {
                    queue.wait();
                }
            });
        }
        loop.spawn([&] {
            for (long i = 0; i < count; i += 100) {
                coloop::co_sleep_ns(0);
                queue.wake_all();
            }
            stop = true;
            coloop::co_sleep_ns(0);
            queue.wake_all();
        });
        loop.run();
    });
    group.add("co_sleep_ns(0), 100 coroutines", 1'000'000, [](long count) {
        coloop::Loop loop;
        for (int i = 0; i < 100; ++i) {
            loop.spawn([count] {
                for (long k = 0; k < count / 100; ++k) {
                    coloop::co_sleep_ns(0);
                }
            });
        }
        loop.run();
    });
    group.add("sleep of 1 to 100 ms, 100,000 coroutines", 100'000, [](long count) {
        coloop::Loop loop;
        for (long i = 0; i < count; ++i) {
            loop.spawn([i] { coloop::co_sleep_ns((i * 7919 % 100 + 1) * 1'000'000); });
        }
        loop.run();
    });
}

}  // namespace

int main(int argc, char** argv) {
    const bool quick = argc > 1 && std::strcmp(argv[1], "--quick") == 0;
    const int rounds = quick ? 3 : 9;
    bench::Group bare;
    add_bare(bare);
    bare.run(rounds);
    bare.print("The bare mechanism");
    bench::Group loop;
    add_loop(loop);
    loop.run(rounds);
    loop.print("On a loop");
    std::fflush(stdout);
    std::_Exit(0);  // the endless coroutines are still suspended
}

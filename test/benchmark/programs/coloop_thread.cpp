// SPDX-License-Identifier: MIT
//
// Functions from another thread.
#include <thread>

#include <coloop/call_on.hpp>
#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>

#include "bench.hpp"

namespace {

using bench::Run;

/// Another thread posts all of them as fast as it can.
void post(Run& run) {
    run.measure([](long count) {
        coloop::Loop loop;
        coloop::Loop::KeepAlive* alive = new coloop::Loop::KeepAlive(loop);
        long ran = 0;
        std::thread poster([&] {
            for (long i = 0; i < count; ++i) {
                loop.post([&] {
                    if (++ran == count) {
                        delete alive;
                    }
                });
            }
        });
        loop.run();
        poster.join();
        bench::check(ran == count, "each function ran");
    });
}

/// The loop's own thread posts them, in batches, which takes no luck.
void post_here(Run& run) {
    constexpr long batch = 100;
    coloop::Loop loop;
    loop.spawn([&] {
        long ran = 0;
        long posted = 0;
        run.measure([&](long count) {
            for (long i = 0; i < count; i += batch, posted += batch) {
                for (long k = 0; k < batch; ++k) {
                    loop.post([&ran] { ++ran; });
                }
                while (ran < posted + batch) {
                    coloop::co_sleep_ns(0);
                }
            }
        });
        bench::check(ran == posted, "each function ran");
    });
    loop.run();
}

/// To another loop and back.
void there_and_back(Run& run) {
    run.measure([](long count) {
        coloop::Loop here;
        coloop::Loop::KeepAlive* alive = new coloop::Loop::KeepAlive(here);
        std::thread other([&] {
            coloop::Loop there;
            coloop::Loop::KeepAlive* there_alive = new coloop::Loop::KeepAlive(there);
            long left = count;
            std::function<void()> ping;
            const std::function<void()> pong = [&] {
                if (--left > 0) {
                    there.post(ping);
                    return;
                }
                there.post([&] { delete there_alive; });
                delete alive;
            };
            ping = [&] { here.post(pong); };
            there.post(ping);
            there.run();
        });
        here.run();
        other.join();
    });
}

/// The same as a call that waits for its result.
void call_on(Run& run) {
    run.measure([](long count) {
        coloop::Loop there;
        coloop::Loop::KeepAlive* there_alive = new coloop::Loop::KeepAlive(there);
        std::thread other([&] {
            coloop::Loop here;
            here.spawn([&] {
                long sum = 0;
                for (long i = 0; i < count; ++i) {
                    sum += coloop::call_on(there, [i] { return i; });
                }
                bench::check(sum == count * (count - 1) / 2, "each call gave its result");
                there.post([&] { delete there_alive; });
            });
            here.run();
        });
        there.run();
        other.join();
    });
}

constexpr bench::Test tests[] = {
    {"post", post},
    {"post-here", post_here},
    {"there-and-back", there_and_back},
    {"call-on", call_on},
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }

// SPDX-License-Identifier: MIT
//
// Functions from another thread.
#include <thread>

#include <coloop/loop.hpp>

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

constexpr bench::Test tests[] = {{"post", post}, {"there-and-back", there_and_back}};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }

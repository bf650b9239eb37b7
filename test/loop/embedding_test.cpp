// SPDX-License-Identifier: MIT
//
// Guests of hosts that do not simply call uv_run(): hosts with a main loop of another kind, hosts
// that draw frames, that fork, or that close without asking.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>

#include <poll.h>
#include <unistd.h>
#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/co_queue.hpp>
#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>

#include "support/death.hpp"

using namespace std::chrono_literals;

using coloop::co_sleep;
using coloop::co_sleep_ns;
using coloop::CoQueue;
using coloop::Death;
using coloop::die;
using coloop::Loop;

#ifdef COLOOP_TSAN
extern "C" void AnnotateIgnoreReadsBegin(const char* file, int line);
#endif

namespace {

/// In a child the thread sanitizer has forgotten what its fibers had seen of each other, and takes
/// that for races; each tells it to look away. (Writes are ignored with the reads.)
void stop_looking_for_races() {
#ifdef COLOOP_TSAN
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
#endif
}

/// A libuv loop that is closed in the end, when all on it are gone.
class HostLoop {
public:
    HostLoop() { REQUIRE(uv_loop_init(&uv_) == 0); }

    HostLoop(const HostLoop&) = delete;
    HostLoop& operator=(const HostLoop&) = delete;

    ~HostLoop() {
        uv_run(&uv_, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&uv_) == 0);
    }

    [[nodiscard]] uv_loop_t* uv() { return &uv_; }

private:
    uv_loop_t uv_;
};

/// What a host does that has a loop of its own around poll(2): it waits for libuv's descriptor, for
/// as long as libuv allows, and lets it take one turn. Returns whether anything is left to do.
bool poll_once(uv_loop_t* uv) {
    pollfd backend{uv_backend_fd(uv), POLLIN, 0};
    poll(&backend, 1, uv_backend_timeout(uv));
    return uv_run(uv, UV_RUN_NOWAIT) != 0;
}

void spin_for(std::chrono::microseconds duration) {
    const std::uint64_t end =
        uv_hrtime() + static_cast<std::uint64_t>(std::chrono::nanoseconds(duration).count());
    while (uv_hrtime() < end) {
    }
}

}  // namespace

TEST_SUITE("embedding") {
    TEST_CASE("a host that waits with poll(2) for libuv's descriptor runs coroutines to the end") {
        HostLoop host;
        Loop loop(host.uv());
        CoQueue queue;
        int ended = 0;
        for (int i = 0; i < 100; ++i) {
            loop.spawn([&, i] {
                co_sleep_ns(i * 10'000);
                queue.wait();
                ++ended;
            });
        }
        loop.spawn([&] {
            while (ended < 100) {
                queue.wake_all();
                co_sleep(1ms);
            }
        });
        while (poll_once(host.uv())) {
        }
        CHECK(ended == 100);
    }

    TEST_CASE("such a host is woken for what there is to do, and not otherwise") {
        HostLoop host;
        Loop loop(host.uv());
        int ended = 0;
        for (int i = 0; i < 3; ++i) {
            loop.spawn([&] {
                co_sleep(30ms);
                ++ended;
            });
        }
        int turns = 0;
        while (poll_once(host.uv())) {
            ++turns;
        }
        CHECK(ended == 3);
        CHECK(turns < 12);  // to start them, to arm the timer, to end them
    }

    TEST_CASE("a host that draws frames keeps its rate while a thousand coroutines compute") {
        HostLoop host;
        Loop loop(host.uv());
        int ran = 0;
        for (int i = 0; i < 1000; ++i) {
            loop.spawn([&] {
                spin_for(100us);
                ++ran;
            });
        }
        int most = 0;
        while (ran < 1000) {
            const int before = ran;
            uv_run(host.uv(), UV_RUN_NOWAIT);  // and then it would draw
            most = std::max(most, ran - before);
        }
        // Half a millisecond for each drain, looked at after every sixteenth, and two drains.
        CHECK(most <= 2 * 16);
    }

    TEST_CASE("a guest leaves what signals do alone, that of broken pipes too") {
        const auto handler = std::signal(SIGPIPE, SIG_DFL);
        {
            HostLoop host;
            Loop loop(host.uv());
            loop.spawn([] { co_sleep(1ms); });
            uv_run(host.uv(), UV_RUN_DEFAULT);
            CHECK((std::signal(SIGPIPE, SIG_DFL) == SIG_DFL));
            CHECK((std::signal(SIGCHLD, SIG_DFL) == SIG_DFL));
        }
        std::signal(SIGPIPE, handler);
    }

    TEST_CASE("a host that closes without asking is told that the loop is busy, and may go on") {
        HostLoop host;
        Loop loop(host.uv());
        bool ended = false;
        loop.spawn([&] {
            co_sleep(1ms);
            ended = true;
        });
        CHECK(uv_loop_close(host.uv()) == UV_EBUSY);
        uv_run(host.uv(), UV_RUN_DEFAULT);
        CHECK(ended);
        CHECK(uv_loop_close(host.uv()) == UV_EBUSY);  // coloop's handles are still there
        loop.detach();
    }

    TEST_CASE("after a fork the child's coroutines go on there, and the parent's here") {
        HostLoop host;
        Loop loop(host.uv());
        CoQueue queue;
        bool is_child = false;
        int steps = 0;
        loop.spawn([&] {
            queue.wait();
            if (is_child) {
                stop_looking_for_races();
            }
            ++steps;
            co_sleep(1ms);
            ++steps;
            if (is_child) {
                _exit(7);
            }
        });
        uv_run(host.uv(), UV_RUN_NOWAIT);
        const Death child = die([&] {
            stop_looking_for_races();
            is_child = true;
            if (uv_loop_fork(host.uv()) != 0) {
                _exit(2);
            }
            loop.post([&] { queue.wake_one(); });
            uv_run(host.uv(), UV_RUN_DEFAULT);
            _exit(3);
        });
        CHECK(child.exit_code == 7);
        CHECK(steps == 0);
        queue.wake_one();
        uv_run(host.uv(), UV_RUN_DEFAULT);
        CHECK(steps == 2);
    }

    TEST_CASE("a child that only ends disturbs nobody") {
        HostLoop host;
        Loop loop(host.uv());
        bool ended = false;
        loop.spawn([&] {
            co_sleep(2ms);
            ended = true;
        });
        uv_run(host.uv(), UV_RUN_NOWAIT);
        CHECK(die([] { _exit(5); }).exit_code == 5);
        uv_run(host.uv(), UV_RUN_DEFAULT);
        CHECK(ended);
    }
}

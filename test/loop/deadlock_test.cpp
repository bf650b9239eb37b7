// SPDX-License-Identifier: MIT
//
// When nothing can ever wake the coroutines of a Loop that are left.
#include <chrono>
#include <string>

#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>

#include "support/death.hpp"
#include "support/waiting.hpp"

using namespace std::chrono_literals;

using coloop::co_sleep;
using coloop::CoQueue;
using coloop::Death;
using coloop::die;
using coloop::Loop;
using coloop::wait_for_ever;

namespace {

bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("deadlock") {
    TEST_CASE("run returns false and says who waits for what and since when") {
        const Death death = die([] {
            Loop loop;
            coloop::CoMutex a;
            coloop::CoMutex b;
            loop.spawn(
                [&] {
                    const std::lock_guard first(a);
                    co_sleep(1ms);
                    const std::lock_guard second(b);
                },
                {.name = "left"});
            loop.spawn(
                [&] {
                    const std::lock_guard first(b);
                    co_sleep(1ms);
                    const std::lock_guard second(a);
                },
                {.name = "right"});
            loop.spawn(
                [] {
                    co_sleep(1ms);   // as the others, which are before it
                    co_sleep(60ms);  // so that they wait for a while
                },
                {.name = "innocent"});
            const bool ended = loop.run();
            fputs("--\n", stderr);
            loop.cancel();
            _exit(ended || !loop.run() ? 1 : 0);
        });
        CAPTURE(death.words);
        CHECK(death.exit_code == 0);
        const std::string report = death.words.substr(0, death.words.find("--\n"));
        CHECK(report.find("coloop: deadlock: nothing can wake the coroutines that are left\n") ==
              0);
        CHECK(contains(report, "  coroutine \"left\" waits for "));
        CHECK(contains(report, "  coroutine \"right\" waits for "));
        CHECK(contains(report, " s: lock a mutex\n"));
        CHECK(!contains(report, "innocent"));
        CHECK(death.words.size() == report.size() + 3);  // after cancel() there is no more to say
    }

    TEST_CASE("the report leaves out the coroutines of other loops") {
        const Death death = die([] {
            Loop mine;
            Loop other;
            other.spawn(wait_for_ever, {.name = "stranger"});
            mine.spawn(wait_for_ever, {.name = "acquaintance"});
            _exit(mine.run() ? 1 : 0);
        });
        CHECK(death.exit_code == 0);
        CHECK(contains(death.words, "acquaintance"));
        CHECK(!contains(death.words, "stranger"));
    }

    TEST_CASE("a loop in which somebody sleeps or is kept alive is not in one") {
        const Death death = die([] {
            Loop loop;
            CoQueue queue;
            loop.spawn([&] { queue.wait(); });
            loop.spawn([&] {
                co_sleep(2ms);
                queue.wake_one();
            });
            _exit(loop.run() ? 0 : 1);
        });
        CHECK(death.exit_code == 0);
        CHECK(death.words.empty());
    }

    TEST_CASE("a loop that was woken from outside goes on") {
        const Death death = die([] {
            Loop loop;
            CoQueue queue;
            loop.spawn([&] { queue.wait(); });
            const bool first = loop.run();
            queue.wake_one();
            _exit(!first && loop.run() ? 0 : 1);
        });
        CHECK(death.exit_code == 0);
    }
}

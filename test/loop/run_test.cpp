// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include <coloop/co_queue.hpp>
#include <coloop/run.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/death.hpp"
#include "support/expect_misuse.hpp"

using namespace std::chrono_literals;

using coloop::Death;
using coloop::die;

TEST_SUITE("run") {
    TEST_CASE("calls the function in a coroutine named main and returns zero") {
        std::string name;
        CHECK(coloop::run([&] { name = coloop::Coroutine::self()->name(); }) == 0);
        CHECK(name == "main");
        CHECK(!coloop::in_coroutine());
    }

    TEST_CASE("returns what the function returns if that is an int") {
        CHECK(coloop::run([] { return 42; }) == 42);
        CHECK(coloop::run([] {
                  coloop::co_sleep(1ms);
                  return 0;
              }) == 0);
        CHECK(coloop::run([] { return std::string("not an exit code"); }) == 0);
    }

    TEST_CASE("gives the function the stack and the name that were asked for") {
        std::size_t size = 0;
        const auto main_function = [&] { size = coloop::Coroutine::self()->stack_size(); };
        CHECK(coloop::run(main_function, {.name = "big", .stack_size = 4 << 20}) == 0);
        CHECK(size > 3 << 20);
    }

    TEST_CASE("can be called again, and on a loop of its own each time") {
        for (int i = 0; i < 10; ++i) {
            CHECK(coloop::run([i] { return i; }) == i);
        }
    }

    TEST_CASE("waits for what the function has spawned") {
        int ended = 0;
        CHECK(coloop::run([&] {
                  coloop::Loop loop(coloop::Loop::current_uv());
                  for (int i = 0; i < 5; ++i) {
                      loop.spawn([&ended] {
                          coloop::co_sleep(1ms);
                          ++ended;
                      });
                  }
                  return 3;
              }) == 3);
        CHECK(ended == 5);
    }

    TEST_CASE("an exception that leaves the function is printed and makes one the exit code") {
        const Death death = die([] {
            _exit(coloop::run([] { throw std::runtime_error("read /etc/none: no such file"); }));
        });
        CHECK(death.exit_code == 1);
        CHECK(death.words == "read /etc/none: no such file\n");
    }

    TEST_CASE("what is thrown need not be a std::exception") {
        const Death death = die([] { _exit(coloop::run([]() -> int { throw 7; })); });
        CHECK(death.exit_code == 1);
        CHECK(death.words == "failed with an exception that is not a std::exception\n");
    }

    TEST_CASE("an exception that leaves the function cancels what it has spawned") {
        const Death death = die([] {
            bool cancelled = false;
            const int code = coloop::run([&] {
                coloop::Loop loop(coloop::Loop::current_uv());
                loop.spawn([&] {
                    try {
                        coloop::co_sleep(1h);
                    } catch (const coloop::Cancelled&) {
                        cancelled = true;
                        throw;
                    }
                });
                coloop::co_sleep_ns(0);
                throw std::runtime_error("enough");
            });
            _exit(code == 1 && cancelled ? 0 : 2);
        });
        CHECK(death.exit_code == 0);
        CHECK(death.words == "enough\n");
    }

    TEST_CASE("a time limit that nobody catches is an error like others") {
        const Death death = die([] {
            _exit(coloop::run([] { coloop::with_timeout(1ms, [] { coloop::co_sleep(1h); }); }));
        });
        CHECK(death.exit_code == 1);
        CHECK(death.words == "after 0.001 s: timed out\n");
    }

    TEST_CASE("a deadlock is reported and makes one the exit code, whatever main returned") {
        const Death death = die([] {
            coloop::CoQueue never("wait for a bus");
            _exit(coloop::run([&] {
                coloop::TaskGroup group;
                group.spawn([&] { never.wait(); }, {.name = "passenger"});
                group.wait();
            }));
        });
        CHECK(death.exit_code == 1);
        CHECK(death.words.find("coloop: deadlock: ") == 0);
        CHECK(death.words.find("coroutine \"main\" waits") != std::string::npos);
        CHECK(death.words.find(": wait for a task group\n") != std::string::npos);
        CHECK(death.words.find("coroutine \"passenger\" waits") != std::string::npos);
        CHECK(death.words.find(": wait for a bus\n") != std::string::npos);
    }

    TEST_CASE("is misuse in a coroutine") {
        coloop::expect_misuse([] { coloop::run([] { coloop::run([] {}); }); },
                              "run a Loop: not possible in coroutine \"main\"");
    }
}

// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/join_all.hpp>
#include <coloop/race.hpp>
#include <coloop/sleep.hpp>
#include <coloop/timeout.hpp>

#include "support/bystander.hpp"
#include "support/death.hpp"
#include "support/expect_misuse.hpp"
#include "support/run_in_loop.hpp"

using namespace std::chrono_literals;

using coloop::Bystander;
using coloop::Cancelled;
using coloop::checkpoint;
using coloop::co_sleep;
using coloop::CoQueue;
using coloop::join_all;
using coloop::let_others_run;
using coloop::race;
using coloop::run_in_loop;

namespace {

/// Waits where nobody wakes, and counts those who do.
template <typename T = int>
std::function<T()> waits(int& inside) {
    return [&inside]() -> T {
        CoQueue queue;
        ++inside;
        try {
            queue.wait();
        } catch (...) {
            --inside;
            throw;
        }
        return T();
    };
}

std::function<int()> fails(const char* text) {
    return [text]() -> int {
        checkpoint();
        throw std::runtime_error(text);
    };
}

}  // namespace

TEST_SUITE("join_all") {
    TEST_CASE("calls all at once and returns what they return, in their order") {
        run_in_loop([] {
            CoQueue bell;
            const auto [number, nothing, text, pointer] = join_all(
                [&] {
                    bell.wait();
                    return 1;
                },
                [&] { bell.wake_one(); }, [] { return std::string("two"); },
                [] { return std::make_unique<int>(3); });
            CHECK(number == 1);
            CHECK(std::is_same_v<decltype(nothing), const std::monostate>);
            CHECK(text == "two");
            CHECK(*pointer == 3);
            CHECK(join_all() == std::tuple<>());
        });
    }

    TEST_CASE("takes a range, and calls its functions where they are") {
        run_in_loop([] {
            std::vector<std::function<int()>> functions;
            for (int i = 0; i < 50; ++i) {
                functions.emplace_back([i, calls = 0]() mutable {
                    co_sleep(std::chrono::microseconds(i * 37 % 50));
                    return i * 10 + ++calls;
                });
            }
            const std::vector<int> first = join_all(functions);
            REQUIRE(first.size() == 50);
            for (int i = 0; i < 50; ++i) {
                CHECK(first[static_cast<std::size_t>(i)] == i * 10 + 1);
            }
            CHECK(join_all(functions)[7] == 72);
            CHECK(join_all(std::vector<std::function<int()>>()).empty());
            int calls = 0;
            join_all(std::vector<std::function<void()>>(5, [&] { ++calls; }));
            CHECK(calls == 5);
        });
    }

    TEST_CASE("a failure cancels the others and is thrown when all have ended") {
        run_in_loop([] {
            int inside = 0;
            CHECK_THROWS_WITH(join_all(waits(inside), fails("oops"), waits(inside)), "oops");
            CHECK(inside == 0);
            CHECK_THROWS_WITH(
                join_all(std::vector<std::function<int()>>{waits(inside), fails("oops")}), "oops");
            CHECK(inside == 0);
        });
    }

    TEST_CASE("cancelled, before or meanwhile, it cancels all and throws when they have ended") {
        run_in_loop([] {
            int inside = 0;
            Bystander caller([&] { join_all(waits(inside), waits(inside)); });
            CHECK(inside == 2);
            caller.cancel();
            CHECK(caller.outcome() == "cancelled");
            CHECK(inside == 0);
            CHECK_THROWS_AS(
                coloop::with_timeout(0s, [&] { join_all(waits(inside), waits(inside)); }),
                coloop::TimedOut);
            CHECK(inside == 0);
        });
    }
}

TEST_SUITE("race") {
    TEST_CASE("returns what the first returns, and the others have ended by then") {
        run_in_loop([] {
            int inside = 0;
            const std::unique_ptr<int> prize = race(
                waits<std::unique_ptr<int>>(inside),
                [] {
                    checkpoint();
                    return std::make_unique<int>(1);
                },
                waits<std::unique_ptr<int>>(inside));
            CHECK(*prize == 1);
            CHECK(inside == 0);
            CHECK(race([] { return 2; }) == 2);
        });
    }

    TEST_CASE("of functions without a value returns which was first") {
        run_in_loop([] {
            int inside = 0;
            CHECK(race(
                      waits<void>(inside), [] { co_sleep(1ms); }, waits<void>(inside)) == 1);
            CHECK(inside == 0);
        });
    }

    TEST_CASE("takes a range") {
        run_in_loop([] {
            int inside = 0;
            std::vector<std::function<int()>> functions(20, waits(inside));
            functions[13] = [] {
                checkpoint();
                return 13;
            };
            CHECK(race(functions) == 13);
            CHECK(inside == 0);
        });
    }

    TEST_CASE("of several that return in one turn the first wins") {
        run_in_loop([] {
            CHECK(race([] { return 1; }, [] { return 2; }, [] { return 3; }) == 1);
            CoQueue gate;
            Bystander starter(
                [&] {
                    checkpoint();  // both wait by then
                    gate.wake_all();
                },
                0);
            CHECK(race(
                      [&] {
                          gate.wait();
                          return 1;
                      },
                      [&] {
                          gate.wait();
                          return 2;
                      }) == 1);
        });
    }

    TEST_CASE("failures count only if all fail, then the first is thrown and the others printed") {
        const coloop::Death death = coloop::die([] {
            run_in_loop([] {
                CHECK(race(fails("loses"), [] {
                          co_sleep(1ms);
                          return 1;
                      }) == 1);
                CHECK_THROWS_WITH(race(fails("first"), fails("second"), fails("third")), "first");
            });
        });
        CHECK(death.exit_code == 0);
        CHECK(death.words == "second\nthird\n");
    }

    TEST_CASE("a Cancelled that nobody asked for is a failure like others") {
        run_in_loop([] {
            const auto stray = []() -> int { throw Cancelled(); };
            CHECK(race(stray, [] {
                      checkpoint();
                      return 1;
                  }) == 1);
            CHECK_THROWS_WITH_AS(race(stray), "race: operation canceled", coloop::Error);
        });
    }

    TEST_CASE("cancelled before anybody has won, it cancels all and throws") {
        run_in_loop([] {
            int inside = 0;
            Bystander caller([&] { race(waits(inside), waits(inside)); });
            CHECK(inside == 2);
            caller.cancel();
            CHECK(caller.outcome() == "cancelled");
            CHECK(inside == 0);
        });
    }

    TEST_CASE("a result counts although the caller is cancelled before the others have ended") {
        run_in_loop([] {
            int result = 0;
            Bystander* caller = nullptr;
            Bystander runner([&] {
                result = race(
                    [&] {
                        let_others_run();
                        return 1;
                    },
                    [&]() -> int {
                        try {
                            CoQueue().wait();
                        } catch (const Cancelled&) {
                            caller->cancel();
                        }
                        throw std::runtime_error("lost");
                    });
                checkpoint();  // is told now
            });
            caller = &runner;
            CHECK(runner.outcome() == "cancelled");
            CHECK(result == 1);
        });
    }

    TEST_CASE("of nobody is misuse") {
        coloop::expect_misuse(
            [] {
                run_in_loop([] {
                    std::vector<std::function<int()>> functions;
                    race(functions);
                });
            },
            "race: there are no functions to call, in coroutine \"test\"");
    }
}

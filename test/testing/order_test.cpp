// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/co_mutex.hpp>
#include <coloop/select.hpp>
#include <coloop/task_group.hpp>
#include <coloop/testing.hpp>

#include "support/death.hpp"
#include "testing/support.hpp"

namespace coloop::testing {

namespace {

/// The order in which `count` coroutines do `steps` steps each: "abab".
std::string weave(int count, int steps) {
    std::string order;
    TaskGroup group;
    for (int i = 0; i < count; ++i) {
        group.spawn([&, i] {
            for (int step = 0; step < steps; ++step) {
                order += static_cast<char>('a' + i);
                if (step + 1 < steps) {
                    give_way();
                }
            }
        });
    }
    group.wait();
    return order;
}

/// Adds one to `total` as if it were not one step.
void add_one(int& total) {
    const int seen = total;
    give_way();
    total = seen + 1;
}

/// Two coroutines that count, which goes wrong in some orders.
void count_to_two(std::vector<int>& totals) {
    int total = 0;
    TaskGroup group;
    group.spawn([&] { add_one(total); });
    group.spawn([&] { add_one(total); });
    group.wait();
    totals.push_back(total);
}

}  // namespace

TEST_SUITE("order") {
    TEST_CASE("first in, first out, as outside tests, if that is asked for") {
        run_seeds({.order = Order::fifo}, 10, [] { CHECK(weave(3, 2) == "abcabc"); });
    }

    TEST_CASE("each seed gives one order, and others give others") {
        std::map<std::uint64_t, std::string> orders;
        run_seeds(50, [&] { orders[current_seed()] = weave(4, 3); });
        CHECK(orders.size() == 50);
        std::set<std::string> different;
        for (const auto& [seed, order] : orders) {
            different.insert(order);
            std::string again;
            run_test({.seed = seed}, [&] { again = weave(4, 3); });
            CHECK(again == order);
        }
        CHECK(different.size() > 25);
    }

    TEST_CASE("what select chooses follows from the seed, too") {
        const auto choices = [](std::uint64_t seed) {
            std::string text;
            run_test({.seed = seed}, [&] {
                Event set;
                set.set();
                for (int i = 0; i < 40; ++i) {
                    text += select(wait(set, [] { return 'a'; }), wait(set, [] { return 'b'; }));
                }
            });
            return text;
        };
        CHECK(choices(1) == choices(1));
        CHECK(choices(1) != choices(2));
    }

    TEST_CASE("the environment's seed alone is run, and a random one is another each time") {
        std::vector<std::uint64_t> seeds;
        const auto note = [&] { seeds.push_back(current_seed()); };
        {
            const Environment environment("COLOOP_SEED", "18446744073709551615");
            run_seeds(50, note);
            run_test(note);
        }
        CHECK(seeds == std::vector<std::uint64_t>(2, 18446744073709551615U));
        {
            const Environment environment("COLOOP_SEED", "random");
            run_test(note);
            run_test(note);
        }
        CHECK(seeds.at(2) != seeds.at(3));
        const Environment environment("COLOOP_SEED", "7x");
        CHECK(last_words([] { run_test([] {}); }) ==
              doctest::Contains("COLOOP_SEED is \"7x\", which is not a number"));
    }

    TEST_CASE("a failure says which seed repeats it, and that one does") {
        const auto fragile = [] {
            if (weave(3, 3).starts_with("ccc")) {
                throw std::runtime_error("as planted");
            }
        };
        const Death death = die([&] {
            try {
                run_seeds(10'000, fragile);
            } catch (const std::runtime_error&) {
            }
        });
        const std::string mark = "COLOOP_SEED=";
        REQUIRE(contains(death.words, " of 10000 failed; " + mark));
        const std::string seed = death.words.substr(death.words.find(mark) + mark.size());
        const Environment environment("COLOOP_SEED", seed.substr(0, seed.find(' ')));
        for (int i = 0; i < 5; ++i) {
            CHECK_THROWS_WITH_AS(run_test(fragile), "as planted", std::runtime_error);
        }
    }

    TEST_CASE("all interleavings are as many as there are") {
        // n coroutines of k steps each: (nk)! / (k!)^n.
        const auto count = [](int coroutines, int steps) {
            std::set<std::string> orders;
            const std::size_t runs =
                run_all_interleavings([&] { orders.insert(weave(coroutines, steps)); });
            CHECK(runs == orders.size());
            return runs;
        };
        CHECK(count(1, 1) == 1);
        CHECK(count(1, 5) == 1);
        CHECK(count(2, 1) == 2);
        CHECK(count(2, 2) == 6);
        CHECK(count(2, 3) == 20);
        CHECK(count(3, 1) == 6);
        CHECK(count(3, 2) == 90);
        CHECK(count(3, 3) == 1680);
        CHECK(count(4, 1) == 24);
    }

    TEST_CASE("a lock takes the interleavings of what it guards away") {
        const std::size_t runs = run_all_interleavings([] {
            int total = 0;
            CoMutex mutex;
            TaskGroup group;
            for (int i = 0; i < 2; ++i) {
                group.spawn([&] {
                    const std::lock_guard lock(mutex);
                    add_one(total);
                });
            }
            group.wait();
            CHECK(total == 2);
        });
        // Whoever is first, the other may begin to wait for the lock before or after its step.
        CHECK(runs == 4);
    }

    TEST_CASE("a planted race is found by exploring, and its schedule repeats it") {
        std::vector<int> totals;
        CHECK(run_all_interleavings([&] { count_to_two(totals); }) == 6);
        CHECK(std::count(totals.begin(), totals.end(), 1) == 4);
        CHECK(std::count(totals.begin(), totals.end(), 2) == 2);
        const auto strict = [&] {
            count_to_two(totals);
            if (totals.back() != 2) {
                throw std::runtime_error("lost one");
            }
        };
        CHECK_THROWS_WITH_AS(run_all_interleavings(strict), "lost one", std::runtime_error);
        const Death death = die([&] {
            try {
                run_all_interleavings(strict);
            } catch (const std::runtime_error&) {
            }
        });
        contains(death.words, "coloop: interleaving 1 failed; COLOOP_SCHEDULE=0,0,0 repeats it\n");
        const Environment environment("COLOOP_SCHEDULE", "0,0,0");
        totals.clear();
        CHECK_THROWS_WITH_AS(run_all_interleavings(strict), "lost one", std::runtime_error);
        CHECK(totals == std::vector<int>{1});
    }

    TEST_CASE("exploring combines the order with each number that is picked") {
        std::set<std::string> seen;
        CHECK(run_all_interleavings([&] {
                  const std::string number = std::to_string(pick(3));
                  seen.insert(number + weave(2, 1));
              }) == 6);
        CHECK(seen == std::set<std::string>{"0ab", "0ba", "1ab", "1ba", "2ab", "2ba"});
    }

    TEST_CASE("too many interleavings are an error, as is a test that depends on other things") {
        CHECK(text_of_failure(
                  [] { run_all_interleavings({.most_interleavings = 89}, [] { weave(3, 2); }); }) ==
              "more than 89 interleavings; make the test smaller, or try many of them with "
              "run_seeds()");
        CHECK(run_all_interleavings({.most_interleavings = 90}, [] { weave(3, 2); }) == 90);
        int run = 0;
        const std::string text =
            text_of_failure([&] { run_all_interleavings([&] { weave(++run == 2 ? 3 : 2, 2); }); });
        CHECK(contains(text, "the run was another one than before"));
        const Environment environment("COLOOP_SCHEDULE", "0,one");
        CHECK(contains(text_of_failure([] { run_all_interleavings([] { weave(2, 2); }); }),
                       "COLOOP_SCHEDULE is not a list of numbers"));
    }
}

}  // namespace coloop::testing

// SPDX-License-Identifier: MIT
//
// The driver itself: that it finds what it is there to find.
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/co_mutex.hpp>
#include <coloop/completion.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/testing.hpp>
#include <coloop/timeout.hpp>

#include "support/death.hpp"
#include "support/expect_misuse.hpp"
#include "testing/support.hpp"

namespace coloop::testing {

TEST_SUITE("cancel_at_every_step") {
    TEST_CASE(
        "cancels before the beginning, then one step later each time, until nothing is left") {
        std::vector<int> steps_done;
        const std::size_t runs = cancel_at_every_step([&](Attempt& attempt) {
            int done = 0;
            const bool whole = attempt.run([&] {
                for (; done < 3; ++done) {
                    give_way();
                }
            });
            CHECK(whole == (done == 3));
            CHECK(attempt.cancelled() != whole);
            steps_done.push_back(done);
        });
        CHECK(runs == 5);
        CHECK(steps_done == std::vector<int>{0, 0, 1, 2, 3});
    }

    TEST_CASE("cancels a wait, and also one that was woken and has not run yet") {
        std::vector<std::string> ends;
        cancel_at_every_step([&](Attempt& attempt) {
            std::string end;
            const bool whole = attempt.run([&] {
                end = "began";
                co_sleep_ns(1);
                end = "slept";
                check_cancelled();
            });
            ends.push_back(end + (whole ? "" : ", cancelled"));
        });
        CHECK(ends == std::vector<std::string>{"began, cancelled", "began, cancelled",
                                               "slept, cancelled", "slept"});
    }

    TEST_CASE("a function that was cancelled and has ended all the same was not cut short") {
        cancel_at_every_step([](Attempt& attempt) {
            CHECK(attempt.run([] { uncancellable([] { co_sleep_ns(1); }); }));
        });
    }

    TEST_CASE("steps of others count, and what they do in between is what a cancel meets") {
        std::string all;
        cancel_at_every_step([&](Attempt& attempt) {
            std::string story;
            CoQueue queue;
            TaskGroup group;
            group.spawn([&] {
                wait_until_all_blocked();
                story += queue.wake_one() ? "woken, " : "too late, ";
            });
            story += attempt.run([&] { queue.wait(); }) ? "whole, " : "cut short, ";
            group.wait();
            all += story + '\n';
        });
        CHECK(all ==
              "cut short, too late, \n"
              "cut short, too late, \n"
              "cut short, too late, \n"
              "too late, cut short, \n"
              "woken, whole, \n"
              "woken, whole, \n");
    }

    TEST_CASE("finds what is left behind when it is cancelled at one step, and says at which") {
        const auto leaky = [](Attempt& attempt) {
            attempt.run([] {
                const int descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
                co_sleep_ns(1);  // Cancelled leaves from here
                ::close(descriptor);
            });
        };
        const Death death = die([&] {
            const std::string text = text_of_failure([&] { cancel_at_every_step(leaky); });
            std::fputs(text.c_str(), stderr);
        });
        CHECK(contains(death.words, "cancelling at step 0 failed; COLOOP_STEP=0 repeats it\n"));
        CHECK(contains(death.words, "left behind when the test had ended\n  descriptor "));
    }

    TEST_CASE("finds a lost wake, and a coroutine that does not end when it is cancelled") {
        // Whoever is cancelled with the token in hand drops it, and the next one waits for ever.
        const std::string lost = text_of_failure([] {
            cancel_at_every_step([](Attempt& attempt) {
                CoQueue queue;
                TaskGroup group;
                group.spawn([&] {
                    wait_until_all_blocked();
                    queue.wake_one();
                });
                attempt.run([&] {
                    queue.wait();
                    check_cancelled();
                    queue.wake_one();
                });
                if (attempt.cancelled()) {
                    queue.wait();
                }
                group.wait();
            });
        });
        CHECK(contains(lost, "deadlock: nothing can wake the coroutines that are left\n"));
    }

    TEST_CASE("what the scenario throws is thrown, and one that runs nothing is refused") {
        CHECK_THROWS_WITH_AS(cancel_at_every_step([](Attempt& attempt) {
                                 attempt.run([] { throw std::runtime_error("mine"); });
                             }),
                             "mine", std::runtime_error);
        CHECK(text_of_failure([] { cancel_at_every_step([](Attempt&) {}); }) ==
              "the scenario of cancel_at_every_step() never called attempt.run()");
        expect_misuse(
            [] {
                cancel_at_every_step([](Attempt& attempt) {
                    attempt.run([] {});
                    attempt.run([] {});
                });
            },
            "attempt.run() was called twice in one run of cancel_at_every_step()");
    }

    TEST_CASE("with COLOOP_STEP set, that step alone is tried") {
        const Environment environment("COLOOP_STEP", "2");
        int runs = 0;
        cancel_at_every_step([&](Attempt& attempt) {
            ++runs;
            int done = 0;
            attempt.run([&] {
                for (; done < 3; ++done) {
                    give_way();
                }
            });
            CHECK(done == 1);
        });
        CHECK(runs == 1);
    }
}

}  // namespace coloop::testing

// SPDX-License-Identifier: MIT
#include <csignal>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/death.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

bool is_default(int number) {
    struct sigaction action {};

    sigaction(number, nullptr, &action);
    return action.sa_handler == SIG_DFL;
}

}  // namespace

TEST_CASE("waiting for signals returns the one that came") {
    run_in_loop([] {
        for (const int number : {SIGUSR1, SIGUSR2, SIGHUP}) {
            int arrived = 0;
            Bystander waiter([&] { arrived = wait_for_signal({SIGHUP, SIGUSR1, SIGUSR2}); });
            CHECK_FALSE(waiter.ended());
            raise(number);
            CHECK(waiter.outcome().empty());
            CHECK(arrived == number);
        }
    });
}

TEST_CASE("two coroutines that wait for the same signal both get it") {
    run_in_loop([] {
        int arrived = 0;
        Bystander first([&] { arrived += wait_for_signal({SIGUSR1, SIGUSR2}); });
        Bystander second([&] { arrived += wait_for_signal({SIGUSR1}); });
        raise(SIGUSR1);
        CHECK(first.outcome().empty());
        CHECK(second.outcome().empty());
        CHECK(arrived == 2 * SIGUSR1);
    });
}

TEST_CASE("a signal that comes again while the first is being handled does not end the process") {
    run_in_loop([] {
        Bystander waiter([] { wait_for_signal({SIGUSR1}); });
        for (int i = 0; i < 10; ++i) {
            raise(SIGUSR1);
        }
        CHECK(waiter.outcome().empty());
        let_others_run();
    });
}

TEST_CASE("waiting for a signal can be cancelled, before and meanwhile") {
    run_in_loop([] {
        Bystander waiter([] { wait_for_signal({SIGUSR1}); });
        waiter.cancel();
        CHECK(waiter.outcome() == "cancelled");
        CHECK_THROWS_AS(with_timeout(std::chrono::seconds(0), [] { wait_for_signal({SIGUSR1}); }),
                        TimedOut);
        CHECK_THROWS_AS(
            with_timeout(std::chrono::milliseconds(2), [] { wait_for_signal({SIGUSR1}); }),
            TimedOut);
        let_others_run();
        CHECK(is_default(SIGUSR1));
    });
}

TEST_CASE("a signal that can't be caught is an error that names it") {
    run_in_loop([] {
        try {
            wait_for_signal({SIGUSR1, SIGKILL});
            FAIL("did not throw");
        } catch (const Error& error) {
            CHECK(error.code() == std::errc::invalid_argument);
            CHECK(std::string(error.what()) == "wait for signal 9: invalid argument");
        }
        let_others_run();
        CHECK(is_default(SIGUSR1));
    });
}

TEST_CASE("a signal does again what it does by default when nobody waits for it") {
    const Death death = die([] {
        run([] {
            Bystander waiter([] { wait_for_signal({SIGTERM}); });
            raise(SIGTERM);
            waiter.outcome();
            raise(SIGTERM);
        });
    });
    CHECK(death.signal == SIGTERM);
}

TEST_CASE("waiting for a signal keeps no descriptor and no handle") {
    std::size_t inside = 0;
    const std::size_t before = open_descriptors();
    run_in_loop([&] {
        Bystander waiter([] { wait_for_signal({SIGUSR1}); });
        raise(SIGUSR1);
        waiter.outcome();
        inside = open_descriptors();
        Bystander again([] { wait_for_signal({SIGUSR1}); });
        raise(SIGUSR1);
        again.outcome();
        CHECK(open_descriptors() == inside);
    });
    CHECK(open_descriptors() <= before + 2);  // libuv's pipe for signals, once for the process
}

TEST_CASE("waiting for a signal in the wrong place is misuse") {
    expect_misuse([] { wait_for_signal({SIGUSR1}); },
                  "cannot wait for a signal outside a coroutine");
}

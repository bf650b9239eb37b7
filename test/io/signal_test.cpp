// SPDX-License-Identifier: MIT
#include <csignal>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/death.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/poll_order.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

bool is_default(int number) {
    struct sigaction action {};

    sigaction(number, nullptr, &action);
    return action.sa_handler == SIG_DFL;
}

bool a_signal_keeps_the_loop_alive() {
    bool found = false;
    uv_walk(
        Loop::current_uv(),
        [](uv_handle_t* handle, void* result) {
            *static_cast<bool*>(result) |= handle->type == UV_SIGNAL && uv_has_ref(handle) != 0;
        },
        &found);
    return found;
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

TEST_SUITE("SignalSet") {
    TEST_CASE("signals that come while nobody waits are kept, in their order, each once") {
        run_in_loop([] {
            SignalSet set({SIGUSR1, SIGUSR2, SIGHUP});
            for (const int number : {SIGHUP, SIGUSR2, SIGHUP, SIGUSR2, SIGHUP, SIGUSR1}) {
                raise(number);
            }
            CHECK(set.wait() == SIGHUP);
            CHECK(set.wait() == SIGUSR2);
            CHECK(set.wait() == SIGUSR1);
            CHECK(set.received(SIGHUP) == 3);
            CHECK(set.received(SIGUSR2) == 2);
            CHECK(set.received(SIGUSR1) == 1);
            CHECK(set.received(SIGTERM) == 0);
            Bystander waiter([&] { set.wait(); });
            CHECK_FALSE(waiter.ended());
            raise(SIGUSR2);
            CHECK(waiter.outcome().empty());
        });
    }

    TEST_CASE("a signal during the handling of another is there for the next wait") {
        run_in_loop([] {
            SignalSet set({SIGUSR1, SIGUSR2});
            std::vector<int> seen;
            Bystander handler([&] {
                while (seen.size() < 4) {
                    seen.push_back(set.wait());
                    let_others_run();
                }
            });
            for (int i = 0; i < 2; ++i) {
                raise(SIGUSR1);
                let_others_run(1);
                raise(SIGUSR2);
                let_others_run(10);
            }
            CHECK(handler.outcome().empty());
            CHECK(seen == std::vector{SIGUSR1, SIGUSR2, SIGUSR1, SIGUSR2});
        });
    }

    TEST_CASE("several sets get the same signal, those of another thread's loop too") {
        run_in_loop([] {
            SignalSet first({SIGUSR1});
            SignalSet second({SIGUSR1, SIGUSR2});
            std::promise<void> ready;
            int elsewhere = 0;
            std::thread other([&] {
                run([&] {
                    SignalSet third({SIGUSR1});
                    ready.set_value();
                    elsewhere = third.wait();
                });
            });
            ready.get_future().wait();
            raise(SIGUSR1);
            CHECK(first.wait() == SIGUSR1);
            CHECK(second.wait() == SIGUSR1);
            other.join();
            CHECK(elsewhere == SIGUSR1);
        });
    }

    TEST_CASE("each signal goes to one of those who wait for a set") {
        run_in_loop([] {
            SignalSet set({SIGUSR1, SIGUSR2});
            int sum = 0;
            Bystander first([&] { sum += set.wait(); });
            Bystander second([&] { sum += set.wait(); });
            raise(SIGUSR1);
            CHECK(first.outcome().empty());
            CHECK_FALSE(second.ended());
            raise(SIGUSR2);
            CHECK(second.outcome().empty());
            CHECK(sum == SIGUSR1 + SIGUSR2);
        });
    }

    TEST_CASE("a signal from another program comes, too") {
        run_in_loop([] {
            SignalSet set({SIGHUP});
            const std::string command = "kill -HUP " + std::to_string(getpid());
            CHECK(run_blocking([&] { return std::system(command.c_str()); }) == 0);
            CHECK(set.wait() == SIGHUP);
        });
    }

    TEST_CASE("a cancelled wait takes no signal with it") {
        run_in_loop([] {
            SignalSet set({SIGUSR1});
            Bystander waiter([&] { set.wait(); });
            waiter.cancel();
            raise(SIGUSR1);
            CHECK(waiter.outcome() == "cancelled");
            {
                CancelScope scope;
                scope.cancel();
                expect_error(set.wait(std::nothrow), Errc::cancelled,
                             "wait for a signal: cancelled");
            }
            CHECK(set.wait() == SIGUSR1);
        });
    }

    TEST_CASE("a cancelled wait and a signal in the same turn lose nothing") {
        for (const bool cancel_first : {true, false}) {
            run_in_loop([&] {
                SignalSet set({SIGUSR1});
                Bystander waiter([&] { set.wait(); });
                const CallInPoll cancel([&] { waiter.cancel(); });
                if (cancel_first) {
                    cancel.trigger();
                    raise(SIGUSR1);
                } else {
                    raise(SIGUSR1);
                    cancel.trigger();
                }
                if (waiter.outcome() == "cancelled") {
                    CHECK(set.wait() == SIGUSR1);
                }
                CHECK(set.received(SIGUSR1) == 1);
            });
        }
    }

    TEST_CASE("a set may be closed, moved and destroyed while somebody waits") {
        run_in_loop([] {
            SignalSet set({SIGUSR1});
            Bystander first([&set] { set.wait(); });
            set.close();
            CHECK(first.outcome() == "wait for a signal: closed");
            set.close();
            expect_both([&] { set.wait(); }, [&] { return set.wait(std::nothrow); },
                        std::errc::bad_file_descriptor, "wait for a signal: closed");

            auto moved_from = std::make_unique<SignalSet>(SignalSet({SIGUSR2}));
            Bystander second([waited_for = moved_from.get()] { waited_for->wait(); });
            SignalSet moved = std::move(*moved_from);
            expect_error(moved_from->wait(std::nothrow), Errc::closed, "wait for a signal: closed");
            CHECK(moved_from->received(SIGUSR2) == 0);
            moved_from.reset();
            raise(SIGUSR2);
            CHECK(second.outcome().empty());
            Bystander third([&moved] { moved.wait(); });
            { const SignalSet destroyed = std::move(moved); }
            CHECK(third.outcome() == "wait for a signal: closed");
            let_others_run();
            CHECK(is_default(SIGUSR1));
            CHECK(is_default(SIGUSR2));
        });
    }

    TEST_CASE("a set that nobody waits for does not keep the loop alive") {
        Loop loop;
        CoQueue queue;
        loop.spawn([&] {
            const SignalSet set({SIGUSR1});
            queue.wait();
        });
        CHECK_FALSE(loop.run());  // a deadlock, which it would not see otherwise
        queue.wake_all();
        CHECK(loop.run());
    }

    TEST_CASE("who finds its signal taken by another waits on, and keeps the loop alive") {
        run_in_loop([] {
            SignalSet set({SIGUSR1});
            Bystander waiter([&] { set.wait(); });
            CoQueue queue;
            Bystander taker([&] {
                queue.wait();
                CHECK(set.wait() == SIGUSR1);
            });
            const CallInPoll wake([&] { queue.wake_one(); });
            wake.trigger();
            raise(SIGUSR1);  // what libuv looks at last when it has polled
            CHECK(taker.outcome().empty());
            let_others_run();
            CHECK_FALSE(waiter.ended());
            CHECK(a_signal_keeps_the_loop_alive());
            raise(SIGUSR1);
            CHECK(waiter.outcome().empty());
            CHECK_FALSE(a_signal_keeps_the_loop_alive());
        });
    }

    TEST_CASE("a loop that ends lets go of the signals") {
        {
            Loop loop;
            loop.spawn([] { SignalSet({SIGUSR1}).wait(); });
            loop.spawn([&] { loop.cancel(); });
            loop.run();
        }
        CHECK(is_default(SIGUSR1));
    }

    TEST_CASE("a set on another loop's thread is misuse") {
        expect_misuse([] { SignalSet({SIGUSR1}); }, "cannot wait for a signal outside a coroutine");
        expect_misuse(
            [] {
                run([] {
                    SignalSet set({SIGUSR1});
                    std::thread([&] { run([&] { set.wait(); }); }).join();
                });
            },
            "cannot wait for a signal on another loop than the one the SignalSet is of");
    }
}

TEST_CASE("waiting for a signal in the wrong place is misuse") {
    expect_misuse([] { wait_for_signal({SIGUSR1}); },
                  "cannot wait for a signal outside a coroutine");
}

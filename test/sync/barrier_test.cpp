// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>

#include <doctest/doctest.h>

#include <coloop/barrier.hpp>
#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>

#include "support/cancellable.hpp"
#include "support/effort.hpp"
#include "support/expect_misuse.hpp"
#include "support/random.hpp"

using namespace coloop;

namespace {

/// One that meets the others `rounds` times, and notes what came of it.
auto participant(Barrier& barrier, std::string& order, char letter, int rounds = 1) {
    return std::make_unique<Cancellable>([&barrier, &order, letter, rounds] {
        for (int i = 0; i < rounds; ++i) {
            const Result<bool> met = barrier.arrive_and_wait(std::nothrow);
            order += letter;
            if (!met) {
                order += met.error().code() == Errc::broken ? '!' : '?';
                return;
            }
            order += *met ? "*" : "";
        }
    });
}

/// Rounds of coroutines that meet at a barrier, with one cancelled now and then, which leaves if it
/// is elsewhere. Nobody may be a round ahead of another, and nobody may wait for ever.
bool all_meet_or_hear_that_they_will_not(std::uint64_t seed) {
    constexpr std::size_t participants = 4;
    constexpr int gone = -1;
    Random random(seed);
    Barrier barrier(participants);
    std::array<int, participants> rounds{};
    std::array<CoQueue, participants> pauses;
    std::array<std::unique_ptr<Cancellable>, participants> coroutines;
    bool agrees = true;
    for (std::size_t id = 0; id < participants; ++id) {
        coroutines[id] = std::make_unique<Cancellable>([&, id] {
            for (int round = 0; round < 5; ++round) {
                if (random.one_in(2) && !pauses[id].wait(std::nothrow)) {
                    barrier.arrive_and_drop();
                    rounds[id] = gone;
                    return;
                }
                if (!barrier.arrive_and_wait(std::nothrow)) {
                    agrees = agrees && barrier.broken();
                    return;
                }
                rounds[id] = round + 1;
                for (const int other : rounds) {
                    agrees = agrees && (other == gone || (other >= round && other <= round + 2));
                }
            }
        });
    }
    for (int step = 0; step < 100; ++step) {
        const std::size_t id = random.below(participants);
        if (random.one_in(50)) {
            coroutines[id]->cancel();
        }
        pauses[id].wake_one();
        if (random.one_in(2)) {
            run_ready();
        }
    }
    for (int step = 0; step < 6; ++step) {
        for (CoQueue& pause : pauses) {
            pause.wake_all();
        }
        run_ready();
    }
    for (std::size_t id = 0; id < participants; ++id) {
        agrees = agrees && coroutines[id]->done() &&
                 (barrier.broken() || rounds[id] == gone || rounds[id] == 5);
    }
    return agrees;
}

}  // namespace

TEST_SUITE("Barrier") {
    TEST_CASE("all go on when the last has arrived, which is told that it was, again and again") {
        Barrier barrier(3);
        std::string order;
        auto a = participant(barrier, order, 'a', 2);
        auto b = participant(barrier, order, 'b', 2);
        run_ready();
        CHECK(order.empty());
        auto c = participant(barrier, order, 'c', 2);
        CHECK(order == "c*abb*ca");
        CHECK(a->done());
        CHECK(b->done());
        CHECK(c->done());
    }

    TEST_CASE("a barrier for one never waits") {
        Barrier barrier(1);
        Cancellable alone([&] {
            CHECK(barrier.arrive_and_wait());
            CancelScope::innermost()->cancel();
            CHECK(barrier.arrive_and_wait());
        });
        CHECK(alone.done());
        CHECK_FALSE(barrier.broken());
    }

    TEST_CASE("one that drops out is not waited for, neither now nor later") {
        Barrier barrier(3);
        std::string order;
        auto a = participant(barrier, order, 'a', 2);
        auto b = participant(barrier, order, 'b', 2);
        barrier.arrive_and_drop();
        run_ready();
        CHECK(order == "abb*a");
        barrier.arrive_and_drop();
        barrier.arrive_and_drop();
    }

    TEST_CASE("one that is cancelled while it waits breaks the barrier for the others") {
        Barrier barrier(3);
        std::string order;
        auto a = participant(barrier, order, 'a');
        auto b = participant(barrier, order, 'b');
        a->cancel();
        run_ready();
        CHECK(order == "a?b!");
        CHECK(barrier.broken());
        auto c = participant(barrier, order, 'c');
        CHECK(order == "a?b!c!");
        barrier.arrive_and_drop();
        run_ready();
    }

    TEST_CASE("one that comes cancelled breaks the barrier") {
        Barrier barrier(2);
        std::string order;
        auto a = participant(barrier, order, 'a');
        Cancellable cancelled([&] {
            CancelScope::innermost()->cancel();
            Barrier(1).arrive_and_wait();
            barrier.arrive_and_wait();
        });
        // It was the last, so it need not wait, and nobody is let down.
        CHECK_FALSE(cancelled.cut_short());
        CHECK(order == "a");

        Cancellable first([&] {
            CancelScope::innermost()->cancel();
            barrier.arrive_and_wait();
        });
        CHECK(first.cut_short());
        auto b = participant(barrier, order, 'b');
        CHECK(order == "ab!");
    }

    // | a            | b            | c            |
    // | <arrive>     |              |              |
    // |              | <arrive>     |              |
    // | (cancelled)  |              |              |
    // |              |              | arrive       |
    // |              |              | broken       |
    // | <Cancelled>  |              |              |
    // |              | <broken>     |              |
    TEST_CASE("when the last arrives after a waiter was cancelled, nobody passes") {
        Barrier barrier(3);
        std::string order;
        auto a = participant(barrier, order, 'a');
        auto b = participant(barrier, order, 'b');
        a->cancel();
        auto c = participant(barrier, order, 'c');
        CHECK(order == "c!a?b!");
    }

    TEST_CASE("when the last arrives before a waiter is cancelled, all pass") {
        Barrier barrier(2);
        std::string order;
        auto a = participant(barrier, order, 'a', 2);
        Cancellable b([&] {
            barrier.arrive_and_wait();
            a->cancel();
            order += 'b';
        });
        CHECK(order == "baa?");
        CHECK(barrier.broken());
    }

    TEST_CASE("a waiter passes that was let go on before the barrier broke in its next round") {
        Barrier barrier(2);
        std::string order;
        auto a = participant(barrier, order, 'a');
        auto b = participant(barrier, order, 'b', 2);
        Cancellable outside([&] { order += '-'; });
        CHECK(order == "b*a-");
        b->cancel();
        run_ready();
        CHECK(order == "b*a-b?");
        CHECK(barrier.broken());
    }

    TEST_CASE("the throwing form of waiting at a barrier throws Cancelled, or the Error") {
        Barrier barrier(3);
        std::string text;
        Cancellable told([&] {
            try {
                barrier.arrive_and_wait();
            } catch (const Error& error) {
                text = error.what();
            }
        });
        Cancellable cancelled([&] { barrier.arrive_and_wait(); });
        cancelled.cancel();
        run_ready();
        CHECK(cancelled.cut_short());
        CHECK(text == "wait at a barrier: broken by a participant that was cancelled");
    }

    TEST_CASE("barriers for nobody, and more who leave than take part, are misuse") {
        expect_misuse([] { Barrier(0); }, "a Barrier for no participants was made");
        expect_misuse(
            [] {
                Barrier barrier(1);
                barrier.arrive_and_drop();
                barrier.arrive_and_drop();
            },
            "leave a barrier: all its participants have left already");
        expect_misuse(
            [] {
                Barrier barrier(1);
                barrier.arrive_and_drop();
                const Cancellable late([&] { barrier.arrive_and_wait(); });
            },
            "wait at a barrier: all its participants have left by arrive_and_drop()");
        expect_misuse([] { Barrier(2).arrive_and_wait(); },
                      "cannot wait (wait at a barrier) outside a coroutine");
        expect_misuse(
            [] {
                auto barrier = std::make_unique<Barrier>(2);
                const Cancellable waiter([&] { barrier->arrive_and_wait(); }, "waiter");
                barrier.reset();
            },
            "a Barrier was destroyed while coroutine \"waiter\" waits: wait at a barrier");
    }

    TEST_CASE("whoever is cancelled when, all meet or hear that they will not") {
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            CAPTURE(seed);
            CHECK(all_meet_or_hear_that_they_will_not(seed));
        }
    }
}

// SPDX-License-Identifier: MIT
#include <array>
#include <optional>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/intrusive_list.hpp>
#include <coloop/wait.hpp>

#include "support/cancellable.hpp"
#include "support/expect_misuse.hpp"

using namespace coloop;

namespace {

constexpr WaitReason reading{"read a thing"};
constexpr WaitReason writing{"write a thing"};

/// A coroutine that waits once, in two lists at the same time.
class TwoPlaces {
public:
    explicit TwoPlaces(bool cancellable = true)
        : coroutine_([this, cancellable] { wait(cancellable); }, "waiter") {}

    Wait& wait() { return *wait_; }

    WaitNode& node(std::size_t i) { return nodes_[i]; }

    void cancel() { coroutine_.cancel(); }

    [[nodiscard]] bool in_no_list() const { return lists_[0].empty() && lists_[1].empty(); }

    [[nodiscard]] std::optional<Wait::Outcome> outcome() const { return outcome_; }

private:
    void wait(bool cancellable) {
        lists_[0].push_back(nodes_[0]);
        lists_[1].push_back(nodes_[1]);
        wait_.emplace(nodes_.data(), nodes_.size());
        outcome_ = wait_->suspend(cancellable);
    }

    std::array<IntrusiveList<WaitNode>, 2> lists_;
    std::array<WaitNode, 2> nodes_{WaitNode(reading), WaitNode(writing)};
    std::optional<Wait> wait_;
    std::optional<Wait::Outcome> outcome_;
    Cancellable coroutine_;
};

}  // namespace

TEST_SUITE("Wait") {
    TEST_CASE("a wait ends when it is settled, and the coroutine runs later") {
        TwoPlaces waiter;
        CHECK(waiter.wait().settle(Wait::Outcome::woken, &waiter.node(1)));
        CHECK_FALSE(waiter.outcome());
        run_ready();
        CHECK(waiter.outcome() == Wait::Outcome::woken);
    }

    TEST_CASE("settling takes the waiter out of every list it is in, and keeps by which") {
        TwoPlaces waiter;
        CHECK_FALSE(waiter.in_no_list());
        waiter.wait().settle(Wait::Outcome::woken, &waiter.node(1));
        CHECK(waiter.in_no_list());
        CHECK(waiter.wait().woken_by() == &waiter.node(1));
        run_ready();
    }

    TEST_CASE("a wait is settled once, the first to do so wins") {
        TwoPlaces waiter;
        CHECK(waiter.wait().settle(Wait::Outcome::woken, &waiter.node(0)));
        CHECK_FALSE(waiter.wait().settle(Wait::Outcome::woken, &waiter.node(1)));
        CHECK_FALSE(waiter.wait().settle(Wait::Outcome::cancelled));
        waiter.cancel();
        CHECK(run_ready() == 1);
        CHECK(waiter.outcome() == Wait::Outcome::woken);
        CHECK(waiter.wait().woken_by() == &waiter.node(0));
    }

    TEST_CASE("a cancelled wait is in no list, and no wake can reach it") {
        TwoPlaces waiter;
        waiter.cancel();
        CHECK(waiter.in_no_list());
        CHECK_FALSE(waiter.wait().settle(Wait::Outcome::woken, &waiter.node(0)));
        run_ready();
        CHECK(waiter.outcome() == Wait::Outcome::cancelled);
        CHECK(waiter.wait().woken_by() == nullptr);
    }

    TEST_CASE("a wait that is not cancellable is left alone by cancelling") {
        TwoPlaces waiter(false);
        waiter.cancel();
        CHECK(run_ready() == 0);
        CHECK_FALSE(waiter.in_no_list());
        waiter.wait().settle(Wait::Outcome::woken, &waiter.node(0));
        run_ready();
        CHECK(waiter.outcome() == Wait::Outcome::woken);
    }

    TEST_CASE("a wait that is taken over ends, and its coroutine is the caller's to enter") {
        TwoPlaces waiter;
        Coroutine& coroutine = waiter.wait().take_over(Wait::Outcome::woken, &waiter.node(1));
        CHECK(waiter.in_no_list());
        CHECK(waiter.wait().woken_by() == &waiter.node(1));
        CHECK_FALSE(waiter.wait().settle(Wait::Outcome::cancelled));
        CHECK(run_ready() == 0);
        coroutine.enter();
        CHECK(waiter.outcome() == Wait::Outcome::woken);
    }

    TEST_CASE("a wait that was settled before it began does not stop the coroutine") {
        std::optional<Wait::Outcome> outcome;
        Coroutine coroutine([&] {
            WaitNode node(reading);
            Wait wait(&node, 1);
            CHECK(wait.settle(Wait::Outcome::woken, &node));
            outcome = wait.suspend(true);
        });
        coroutine.enter();
        CHECK(coroutine.done());
        CHECK(outcome == Wait::Outcome::woken);
        CHECK(run_ready() == 0);
    }

    TEST_CASE("a coroutine knows beforehand that a wait would be cancelled") {
        Cancellable coroutine([] {
            CHECK_FALSE(Wait::already_cancelled());
            CancelScope::innermost()->cancel();
            CHECK(Wait::already_cancelled());
            const CancelScope shield(CancelScope::Kind::shield);
            CHECK_FALSE(Wait::already_cancelled());
        });
        CHECK(coroutine.done());
    }

    TEST_CASE("a report names all that a coroutine waits for at once") {
        expect_misuse(
            [] {
                TwoPlaces waiter;
                waiter.wait().coroutine().enter();
            },
            "coroutine \"waiter\" waits: read a thing or write a thing");
    }
}

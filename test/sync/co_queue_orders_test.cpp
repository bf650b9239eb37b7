// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_queue.hpp>

#include "support/cancellable.hpp"
#include "support/effort.hpp"
#include "support/random.hpp"

using namespace coloop;

namespace {

/// A random history, compared with that of a list of numbers.
bool queue_does_as_its_model(std::uint64_t seed) {
    using End = std::pair<std::size_t, bool>;  // who, and whether it was woken
    Random random(seed);
    CoQueue queue;
    std::deque<std::size_t> model;
    std::vector<End> expected;
    std::vector<End> seen;
    std::vector<std::unique_ptr<Cancellable>> waiters;
    bool agrees = true;

    const auto start = [&](bool at_front) {
        const std::size_t id = waiters.size();
        model.insert(at_front ? model.begin() : model.end(), id);
        waiters.push_back(std::make_unique<Cancellable>([&, id, at_front] {
            bool woken = true;
            try {
                at_front ? queue.wait_at_front() : queue.wait();
            } catch (const Cancelled&) {
                woken = false;
            }
            seen.emplace_back(id, woken);
        }));
    };
    const auto wake_one = [&] {
        agrees = agrees && queue.wake_one() == !model.empty();
        if (!model.empty()) {
            expected.emplace_back(model.front(), true);
            model.pop_front();
        }
    };
    const auto wake_all = [&] {
        agrees = agrees && queue.wake_all() == model.size();
        for (const std::size_t id : model) {
            expected.emplace_back(id, true);
        }
        model.clear();
    };
    const auto cancel = [&](std::size_t id) {
        waiters[id]->cancel();
        if (std::erase(model, id) != 0) {
            expected.emplace_back(id, false);
        }
    };

    for (int step = 0; step < 40; ++step) {
        switch (random.below(10)) {
            case 0:
            case 1:
            case 2:
                start(false);
                break;
            case 3:
                start(true);
                break;
            case 4:
            case 5:
                wake_one();
                break;
            case 6:
                wake_all();
                break;
            case 7:
            case 8:
                if (!waiters.empty()) {
                    cancel(random.below(waiters.size()));
                }
                break;
            default:
                run_ready();
        }
        agrees = agrees && queue.empty() == model.empty();
    }
    wake_all();
    run_ready();
    return agrees && seen == expected;
}

}  // namespace

TEST_SUITE("CoQueue") {
    TEST_CASE("whatever the order of waits, wakes and cancels, each ends the right wait") {
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            CAPTURE(seed);
            CHECK(queue_does_as_its_model(seed));
        }
    }
}

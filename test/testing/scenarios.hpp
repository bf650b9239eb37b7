// SPDX-License-Identifier: MIT
//
// What is cancelled at every step: one scenario for each operation that waits, and for some that
// meet. Each says what must hold afterwards, whatever was cut short.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/task_group.hpp>
#include <coloop/testing.hpp>

namespace coloop::testing {

struct Scenario {
    const char* name;
    void (*run)(Attempt& attempt);
};

std::span<const Scenario> sync_scenarios();
std::span<const Scenario> loop_scenarios();
std::span<const Scenario> network_scenarios();
std::span<const Scenario> file_scenarios();
std::span<const Scenario> part_scenarios();
std::span<const Scenario> system_scenarios();
std::span<const Scenario> transfer_scenarios();

/// Runs them all; each must have waited at least once.
inline void cancel_each(std::span<const Scenario> scenarios, const TestOptions& options) {
    for (const Scenario& scenario : scenarios) {
        const std::string name = scenario.name;
        CAPTURE(name);
        CHECK(cancel_at_every_step(options, scenario.run) >= 3);
    }
}

/// CHECK() for what may be cancelled: doctest's own takes Cancelled for a mistake, and keeps it.
template <typename Value>
void expect(const Value& value) {
    CHECK(static_cast<bool>(value));
}

template <typename Value>
void expect_not(const Value& value) {
    CHECK_FALSE(static_cast<bool>(value));
}

/// Checks that `function()` throws an Expected; lets Cancelled pass, unlike doctest's own check.
template <typename Expected, typename Function>
void expect_thrown(Function function) {
    try {
        function();
    } catch (const Expected&) {
        return;
    }
    FAIL_CHECK("nothing was thrown");
}

/// Gives way, also when cancelled.
inline void give_way_in_shield() {
    const CancelScope shield(CancelScope::Kind::shield);
    give_way();
}

/// Calls `take()` in a coroutine of the group, which must not wait, now, and `give()` once all
/// others wait.
template <typename Take, typename Give>
void hold(TaskGroup& group, Take take, Give give) {
    bool taken = false;
    group.spawn([&taken, take = std::move(take), give = std::move(give)]() mutable {
        take();
        taken = true;
        wait_until_all_blocked();
        give();
    });
    while (!taken) {
        give_way_in_shield();
    }
}

/// Calls `function()` in a coroutine of the group once all others wait.
template <typename Function>
void when_all_blocked(TaskGroup& group, Function function) {
    hold(
        group, [] {}, std::move(function));
}

/// True if `lock` is free; it is again afterwards.
template <typename Lock>
bool is_free(Lock& lock) {
    if (!lock.try_lock()) {
        return false;
    }
    lock.unlock();
    return true;
}

}  // namespace coloop::testing

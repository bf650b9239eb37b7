// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <coloop/export.hpp>
#include <coloop/task_group.hpp>

namespace coloop {

namespace detail {

/// Who runs, and who was first.
class COLOOP_EXPORT Runners {
public:
    /// Starts one; it calls arrive() or note_failure().
    template <typename Function>
    void add(Function&& function) {
        group_.spawn(std::forward<Function>(function));
    }

    /// The first to arrive wins, and the others are cancelled.
    [[nodiscard]] bool arrive(std::size_t runner) noexcept;

    /// Called in a handler of what left a runner's function.
    void note_failure();

    /// Waits until all have ended, and returns who has won; throws if nobody has.
    std::size_t wait_for_winner();

private:
    static constexpr auto nobody = static_cast<std::size_t>(-1);

    std::size_t winner_ = nobody;
    std::vector<std::exception_ptr> failures_;
    TaskGroup group_;  // ends before what its coroutines use
};

template <typename T>
class Race {
public:
    template <typename Function>
    void add(Function& function) {
        runners_.add([this, runner = count_++, &function] {
            try {
                run(runner, function);
            } catch (...) {
                runners_.note_failure();
            }
        });
    }

    auto result() {
        const std::size_t winner = runners_.wait_for_winner();
        if constexpr (std::is_void_v<T>) {
            return winner;
        } else {
            return *std::move(prize_);
        }
    }

private:
    template <typename Function>
    void run(std::size_t runner, Function& function) {
        if constexpr (std::is_void_v<T>) {
            function();
            static_cast<void>(runners_.arrive(runner));
        } else {
            T value = function();
            if (runners_.arrive(runner)) {
                prize_.emplace(std::move(value));
            }
        }
    }

    std::size_t count_ = 0;
    std::optional<std::conditional_t<std::is_void_v<T>, std::size_t, T>> prize_;
    Runners runners_;
};

}  // namespace detail

/// Calls all the functions at once, each in a coroutine of its own, until the first returns; then
/// cancels the others, waits until they have ended, and returns what the first returned. Functions
/// that return nothing make it return which of them was first, counted from 0.
///
/// A failure takes its function out of the race and is forgotten if another one wins. If all fail,
/// throws the first failure and prints the others. If the caller is cancelled before anybody has
/// won, cancels them all, and when they have ended throws Cancelled. Throws Error if there is no
/// stack to be had. Must be called in a coroutine of a loop.
template <std::invocable First, std::invocable... Others>

requires(std::same_as<std::invoke_result_t<First>, std::invoke_result_t<Others>>&&...) auto race(
    First&& first, Others&&... others) {
    detail::Race<std::invoke_result_t<First>> race;
    race.add(first);
    (race.add(others), ...);
    return race.result();
}

/// The same for a range of functions that stay where they are; an empty one is misuse.
template <std::ranges::input_range Functions>
requires std::invocable<std::ranges::range_reference_t<Functions>> &&
    std::is_lvalue_reference_v<std::ranges::range_reference_t<Functions>>

auto race(Functions&& functions) {
    detail::Race<std::invoke_result_t<std::ranges::range_reference_t<Functions>>> race;
    for (auto& function : functions) {
        race.add(function);
    }
    return race.result();
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <coloop/task_group.hpp>

namespace coloop {

namespace detail {

/// Spawns what is there for longer than the group by reference, and moves in what is not.
template <typename Function>
auto spawn_call(TaskGroup& group, Function&& function) {
    if constexpr (std::is_lvalue_reference_v<Function>) {
        return group.spawn([&function]() -> decltype(auto) { return function(); });
    } else {
        return group.spawn(std::forward<Function>(function));
    }
}

/// join(), with a value also where there is none.
template <typename T>
auto joined(Task<T>& task) -> std::conditional_t<std::is_void_v<T>, std::monostate, T> {
    if constexpr (std::is_void_v<T>) {
        task.join();
        return {};
    } else {
        return task.join();
    }
}

}  // namespace detail

/// Calls all the functions at once, each in a coroutine of its own, and returns what they return,
/// as a std::tuple in their order, once all have ended; std::monostate stands for nothing.
///
/// The first failure cancels the others and is thrown when all have ended, as by a TaskGroup. If
/// the caller is cancelled, so are they, and when they have ended Cancelled is thrown. Throws Error
/// if there is no stack to be had. Must be called in a coroutine of a loop.
template <std::invocable... Functions>
auto join_all(Functions&&... functions) {
    TaskGroup group;
    std::tuple tasks{detail::spawn_call(group, std::forward<Functions>(functions))...};
    group.wait();
    return std::apply(
        [](auto&... task) {
            return std::tuple<decltype(detail::joined(task))...>{detail::joined(task)...};
        },
        tasks);
}

/// The same for a range of functions, of which there may be none: returns a std::vector of what
/// they return, or nothing if they return nothing. For many functions of which only some are to run
/// at once there is TaskGroupOptions::limit.
template <std::ranges::input_range Functions>
requires std::invocable<std::ranges::range_reference_t<Functions>>

auto join_all(Functions&& functions) {
    using Value = std::invoke_result_t<std::ranges::range_reference_t<Functions>>;
    TaskGroup group;
    std::vector<Task<Value>> tasks;
    for (auto&& function : functions) {
        tasks.push_back(detail::spawn_call(group, std::forward<decltype(function)>(function)));
    }
    group.wait();
    if constexpr (!std::is_void_v<Value>) {
        std::vector<Value> values;
        values.reserve(tasks.size());
        for (Task<Value>& task : tasks) {
            values.push_back(task.join());
        }
        return values;
    }
}

}  // namespace coloop

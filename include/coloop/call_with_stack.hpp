// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <coloop/export.hpp>

namespace coloop {

namespace detail {

/// Something to call once, somewhere else.
struct Call {
    void (*function)(void* argument);
    void* argument;
};

COLOOP_EXPORT void run_on_stack(std::size_t size, Call call);
COLOOP_EXPORT void run_on_loop_stack(Call call);

template <typename Function>
Call call_of(Function& function) {
    return {[](void* argument) { (*static_cast<Function*>(argument))(); },
            std::addressof(function)};
}

/// Has `run` run `function`, and returns what that returned.
template <typename Function, typename Run>
std::invoke_result_t<Function> call_elsewhere(Function&& function, Run run) {
    using Value = std::invoke_result_t<Function>;
    if constexpr (std::is_void_v<Value>) {
        auto call = [&] { std::forward<Function>(function)(); };
        run(call_of(call));
    } else if constexpr (std::is_reference_v<Value>) {
        std::remove_reference_t<Value>* value = nullptr;
        auto call = [&] {
            Value&& got = std::forward<Function>(function)();
            value = std::addressof(got);
        };
        run(call_of(call));
        return static_cast<Value>(*value);
    } else {
        std::optional<Value> value;
        auto call = [&] { value.emplace(std::forward<Function>(function)()); };
        run(call_of(call));
        return *std::move(value);
    }
}

}  // namespace detail

/// Calls `function()` on a stack of its own of `size` bytes, for what does not fit the caller's:
/// a recursive parser, std::regex, a library with large buffers.
///
/// It is a plain call in all other respects: the coroutine is the same and may wait, yield and be
/// cancelled inside, exceptions pass, and it returns what `function` returns. May be nested, and
/// called outside coroutines. `size` is rounded as CoroutineOptions::stack_size is; the stack is
/// pooled, so a call costs little more than a switch. Throws Error (not enough memory) if there is
/// no such stack to be had.
template <std::invocable Function>
std::invoke_result_t<Function> call_with_stack(std::size_t size, Function&& function) {
    return detail::call_elsewhere(std::forward<Function>(function),
                                  [size](detail::Call call) { detail::run_on_stack(size, call); });
}

/// Calls `function()` on the thread's own stack, for libraries that look at where the stack is,
/// such as V8 and conservative garbage collectors; outside coroutines, where it is.
///
/// Returns what `function` returns, and exceptions pass. While it runs, the thread counts as being
/// outside coroutines: self() is null and the caller cannot wait or yield, which is misuse; but
/// other coroutines may be entered.
template <std::invocable Function>
std::invoke_result_t<Function> run_on_loop_stack(Function&& function) {
    return detail::call_elsewhere(std::forward<Function>(function),
                                  [](detail::Call call) { detail::run_on_loop_stack(call); });
}

}  // namespace coloop

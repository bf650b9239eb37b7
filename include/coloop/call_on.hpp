// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <coloop/call_with_stack.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/export.hpp>
#include <coloop/loop.hpp>

namespace coloop {

namespace detail {

COLOOP_EXPORT void run_on(Loop& loop, Call call, const CoroutineOptions& options);

}  // namespace detail

/// Calls `function()` in a new coroutine of another loop, whose thread must be running it, and
/// waits here; returns what it returns and throws what it throws, on the caller's own thread. No
/// coroutine changes its thread. The function may use the caller's variables, as nobody else does
/// meanwhile.
///
/// If the caller is cancelled, so is the function, and the caller goes on when that has ended; a
/// result that it has nevertheless counts, otherwise Cancelled is thrown. Throws Error
/// (Errc::closed) if the other loop is being left, Error (operation canceled) if the function was
/// cut short because that loop was, and Error (not enough memory) if there is no stack to be had.
/// Either loop may be torn down meanwhile: each then cancels its side and waits for the other.
///
/// `loop` must exist when this is called; it may be the caller's own. While it waits it keeps the
/// caller's run() going. Must be called in a coroutine of a loop.
template <std::invocable Function>
std::invoke_result_t<Function> call_on(Loop& loop, Function&& function,
                                       const CoroutineOptions& options = {}) {
    return detail::call_elsewhere(
        std::forward<Function>(function),
        [&loop, &options](detail::Call call) { detail::run_on(loop, call, options); });
}

}  // namespace coloop

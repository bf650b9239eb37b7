// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <new>

#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop {

/// Waits until the process gets one of the signals, and returns which. While it waits the signals
/// do nothing else; afterwards they do what they do by default, not what a handler did that the
/// program had set itself. Must be called in a coroutine.
///
/// Throws Error if a signal can't be caught, and Cancelled if the coroutine is cancelled before or
/// meanwhile.
COLOOP_EXPORT int wait_for_signal(std::initializer_list<int> signals);

/// The same; returns the Error.
COLOOP_EXPORT Result<int> wait_for_signal(std::initializer_list<int> signals,
                                          std::nothrow_t tag) noexcept;

}  // namespace coloop

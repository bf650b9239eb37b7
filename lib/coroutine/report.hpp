// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include <coloop/coroutine.hpp>

namespace coloop {

/// `coroutine "name"`, or its address where it has no name.
std::string describe(const Coroutine& coroutine);

/// What a coroutine does, as a line of a report:
/// `coroutine "client" waits for 1.2 s: read 127.0.0.1:7000`.
std::string describe_state(const Coroutine& coroutine, std::uint64_t now);

/// Calls `visit` for each coroutine of this thread that has a stack: new or not yet ended.
void for_each_coroutine(const std::function<void(const Coroutine&)>& visit);

}  // namespace coloop

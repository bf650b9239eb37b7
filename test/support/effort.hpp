// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/detail/switch.hpp>

namespace coloop {

/// Sanitizers and ucontext make coroutines ten to a hundred times dearer, so tests that repeat do
/// less there.
#if defined(COLOOP_CONTEXT_UCONTEXT) || defined(COLOOP_ASAN) || defined(COLOOP_TSAN)
inline constexpr bool coroutines_are_dear = true;
#else
inline constexpr bool coroutines_are_dear = false;
#endif

/// How many seeds a random test tries.
inline constexpr unsigned seeds = coroutines_are_dear ? 200 : 10'000;

}  // namespace coloop

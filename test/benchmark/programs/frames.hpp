// SPDX-License-Identifier: MIT
#pragma once

namespace bench {

/// Calls `function()`, the last of `depth` frames that must all be returned through.
template <typename Function>
[[gnu::noinline]] void below_frames(int depth, Function function) {
    if (depth == 1) {
        function();
    } else {
        below_frames(depth - 1, function);
    }
    asm volatile("");  // no tail call
}

/// An operation whose result is not exact, which the processor notes in a sticky flag.
inline void compute_inexactly() {
    volatile double third = 1.0;
    third = third / 3.0;
}

}  // namespace bench

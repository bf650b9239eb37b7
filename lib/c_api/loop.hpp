// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/coloop.h>

#include "loop/loop_state.hpp"

namespace coloop {

/// What C calls a loop is the state that all Loops of a uv loop and thread share.
inline LoopState& state_of(coloop_loop* loop) noexcept {
    return *reinterpret_cast<LoopState*>(loop);
}

inline const LoopState& state_of(const coloop_loop* loop) noexcept {
    return *reinterpret_cast<const LoopState*>(loop);
}

inline coloop_loop* handle_of(LoopState& state) noexcept {
    return reinterpret_cast<coloop_loop*>(&state);
}

}  // namespace coloop

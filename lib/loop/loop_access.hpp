// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <coloop/loop.hpp>

#include "coroutine/access.hpp"
#include "loop/loop_state.hpp"

namespace coloop {

/// Does as Loop does, for who has its state only.
struct LoopAccess {
    /// The state of a loop of one's own. Throws Error if the system refuses.
    static LoopState* create() { return Loop::create(); }

    template <typename Function>
    static Result<void> spawn(LoopState& state, Function function,
                              const CoroutineOptions& options) {
        return state.start(CoroutineAccess::create(
                               [&state, call = std::move(function)]() mutable {
                                   const Loop::Root root(state);
                                   root.run(call);
                               },
                               options),
                           options.name);
    }
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <coloop/coroutine.hpp>

namespace coloop {

/// The parts of a Coroutine that layers above its own keep up to date.
struct CoroutineAccess {
    static std::uint32_t& locks_held(Coroutine& coroutine) { return coroutine.locks_held_; }

    static std::uint32_t& pending_requests(Coroutine& coroutine) {
        return coroutine.pending_requests_;
    }

    static Scheduler& scheduler(const Coroutine& coroutine) { return *coroutine.scheduler_; }

    /// Before it first runs only.
    static void scheduler(Coroutine& coroutine, Scheduler& scheduler) {
        coroutine.scheduler_ = &scheduler;
    }

    /// True while it is suspended in a wait that nobody has settled yet.
    static bool waits(const Coroutine& coroutine) { return coroutine.wait_ != nullptr; }

    /// A coroutine that lies on its own stack.
    template <typename Function>
    static Result<Coroutine*> create(Function&& function, const CoroutineOptions& options) {
        return Coroutine::create(std::forward<Function>(function), options);
    }

    static CancelScope* scope(Coroutine& coroutine) { return coroutine.scope_; }

    static Stack*& stack(Coroutine& coroutine) { return coroutine.stack_; }

    static LocalSlot*& locals(Coroutine& coroutine) { return coroutine.locals_; }

    static Coroutine* caller(Coroutine& coroutine) { return coroutine.caller_; }

    static detail::Context& context(Coroutine& coroutine) { return coroutine.context_; }
};

}  // namespace coloop

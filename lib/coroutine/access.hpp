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

    /// Not while it waits or is ready.
    static void scheduler(Coroutine& coroutine, Scheduler& scheduler) {
        coroutine.scheduler_ = &scheduler;
    }

    /// True while it is suspended in a wait that nobody has settled yet.
    static bool waits(const Coroutine& coroutine) { return coroutine.wait_ != nullptr; }

    /// One that lies on its own stack and is gone when it has ended.
    template <typename Function>
    static Result<Coroutine*> create(Function&& function, const CoroutineOptions& options) {
        return Coroutine::create(std::forward<Function>(function), options);
    }

    static CancelScope* scope(Coroutine& coroutine) { return coroutine.scope_; }

    static Stack*& stack(Coroutine& coroutine) { return coroutine.stack_; }

    static LocalSlot*& locals(Coroutine& coroutine) { return coroutine.locals_; }

    static Coroutine* caller(Coroutine& coroutine) { return coroutine.caller_; }

    static bool is_new(const Coroutine& coroutine) {
        return coroutine.status_ == Coroutine::Status::created;
    }

    static bool is_ready(const Coroutine& coroutine) {
        return coroutine.status_ == Coroutine::Status::ready;
    }

    /// True while it runs, or another one that it has entered.
    static bool is_entered(const Coroutine& coroutine) {
        return coroutine.status_ == Coroutine::Status::entered;
    }

    /// True if enter() would take it.
    static bool can_be_entered(const Coroutine& coroutine) {
        return coroutine.status_ <= Coroutine::Status::yielded;
    }

    /// For a list of coroutines that are ready but that no scheduler has: one that could be entered
    /// becomes ready, and what the list returns can be entered again.
    static void mark_ready(Coroutine& coroutine) {
        coroutine.status_ = Coroutine::Status::ready;
        coroutine.next_ready_ = nullptr;
    }

    static void mark_yielded(Coroutine& coroutine) {
        coroutine.status_ = Coroutine::Status::yielded;
    }

    static Coroutine*& next_ready(Coroutine& coroutine) { return coroutine.next_ready_; }

    static const detail::Thread* thread(const Coroutine& coroutine) { return coroutine.thread_; }

    static Wait* wait(Coroutine& coroutine) { return coroutine.wait_; }

    /// The function object that it runs.
    static void* closure(Coroutine& coroutine) { return coroutine.closure_; }

    static void*& companion(Coroutine& coroutine) { return coroutine.companion_; }

    static detail::Context& context(Coroutine& coroutine) { return coroutine.context_; }
};

}  // namespace coloop

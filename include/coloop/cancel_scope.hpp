// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/error.hpp>
#include <coloop/export.hpp>
#include <coloop/intrusive_list.hpp>

namespace coloop {

class Coroutine;
class TaskGroup;
class TimeoutScope;

/// A part of a coroutine's work that can be called off as a whole.
///
/// Opened by constructing it in a coroutine, closed by destroying it there; scopes nest as blocks
/// do. Cancelling is level-triggered, as in Trio: whoever waits inside a cancelled scope gets
/// Cancelled, and each further wait inside throws at once, until the scope is left. Costs no
/// allocation. with_timeout() and TaskGroup are made of it and are what most programs want.
///
/// All members must be called on the thread of the scope's coroutine.
class COLOOP_EXPORT CancelScope : public ListLink {
public:
    enum class Kind : bool { plain, shield };

    /// Opens a scope in the calling coroutine. Inside a shield, cancelling an enclosing scope is
    /// not felt.
    explicit CancelScope(Kind kind = Kind::plain);

    struct Below {
        CancelScope& parent;
    };

    /// Opens a scope in the calling coroutine, usually its outermost, that is cancelled along with
    /// a detached scope, which must stay open longer, and not with those around it.
    explicit CancelScope(Below place);

    struct Detached {};

    /// A scope that no coroutine is inside of, for cancelling many coroutines together: they open
    /// theirs with it as their parent. It is itself cancelled along with `parent`, if not null,
    /// which must stay open longer.
    CancelScope(Detached tag, CancelScope* parent) noexcept;

    /// The calling coroutine's innermost scope; null if there is none, or outside coroutines.
    [[nodiscard]] static CancelScope* innermost() noexcept;

    CancelScope(const CancelScope&) = delete;
    CancelScope& operator=(const CancelScope&) = delete;
    ~CancelScope();

    /// Cancels everything that goes on inside. Returns at once; may be called from a libuv
    /// callback, from another coroutine, and again.
    void cancel() noexcept;

    /// True if waits inside throw: this scope or an enclosing one, up to the next shield, was
    /// cancelled.
    [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }

    /// True if cancel() was called on this very scope.
    [[nodiscard]] bool cancel_called() const noexcept { return called_; }

    /// True if a Cancelled that arrives at this scope's end is its own and stops there: it was
    /// cancelled and no enclosing one was.
    [[nodiscard]] bool absorbs() const noexcept;

    /// Calls `function()`; returns false if this scope cut it short. The scope stays open until it
    /// is destroyed, and what waits in it after it was cancelled still throws.
    template <typename Function>
    bool run(Function&& function) {
        try {
            function();
            return true;
        } catch (const Cancelled&) {
            if (!absorbs()) {
                throw;
            }
            return false;
        }
    }

protected:
    friend class TaskGroup;
    friend class TimeoutScope;

    struct Timed {};

    /// A TimeoutScope's own part.
    explicit CancelScope(Timed tag);

private:
    void open() noexcept;
    void spread() noexcept;

    Coroutine* coroutine_;  // null if detached
    CancelScope* outer_;    // what the coroutine's innermost scope was before
    CancelScope* parent_;   // from where cancellation spreads to here
    IntrusiveList<CancelScope> children_;
    Kind kind_;
    bool timed_ = false;  // this is a TimeoutScope
    bool called_ = false;
    bool cancelled_ = false;
};

/// Throws Cancelled if the calling coroutine is cancelled. Lets nobody else run, and does nothing
/// outside coroutines: for computations that may be called off but need not share the thread.
COLOOP_EXPORT void check_cancelled();

/// Lets all others run that are ready, then goes on: for computations that must not keep the rest
/// of the thread waiting. Throws Cancelled if the calling coroutine is cancelled, before or then.
///
/// The loop polls for I/O after 256 coroutines have gone on, or half a millisecond, whichever is
/// first, so a checkpoint costs little more than a switch. co_sleep_ns(0) is for who wants the loop
/// to have polled, Coroutine::yield() stops until somebody enters the coroutine again. Must be
/// called in a coroutine; one without a loop goes on when the outermost enter() is about to return.
COLOOP_EXPORT void checkpoint();

}  // namespace coloop

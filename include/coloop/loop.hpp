// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/error.hpp>
#include <coloop/export.hpp>
#include <coloop/posted.hpp>
#include <coloop/result.hpp>

struct uv_loop_s;

namespace coloop {

class LoopState;

/// A libuv loop on which coroutines run: one that it owns, or one that belongs to somebody else.
///
/// A Loop and everything on it belong to the thread that made it; only post() may be called from
/// others. More cores want more loops. Most programs use run() and never name this class.
///
/// On a borrowed loop coloop is a guest: it never runs, stops or closes the loop, doesn't touch its
/// data pointer or signal dispositions, keeps it alive only by what its coroutines wait for, and
/// wakes it only when there is something to do. Hosts should ignore SIGPIPE: libuv's writes would
/// otherwise end the process when a peer resets.
class COLOOP_EXPORT Loop {
public:
    /// Makes a loop of its own. Ignores SIGPIPE if nothing was set for it (libuv's writes would
    /// otherwise end the process when a peer resets), and turns on the report of stack overflows.
    /// Throws Error if the system refuses.
    Loop();

    /// Borrows `uv`, whose thread must be the calling one. A second Loop on the same uv loop and
    /// thread shares the first one's coroutines.
    explicit Loop(uv_loop_s* uv);

    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Ends what still runs. An owned loop cancels its coroutines, runs until they have ended, and
    /// closes; one that does not end because nothing will wake it is misuse. A borrowed loop does
    /// as detach() does.
    ~Loop();

    /// Runs `function()` in a new coroutine: as soon as the calling one stops, or, if called
    /// outside (also before the loop runs), in its turn. An exception other than Cancelled that
    /// leaves it ends the program: see TaskGroup for coroutines with an owner. Throws Error if
    /// there is no stack to be had, or the loop is being left.
    template <typename Function>
    void spawn(Function&& function, const CoroutineOptions& options = {}) {
        spawn(std::forward<Function>(function), options, std::nothrow).value();
    }

    /// The same; returns the Error.
    template <typename Function>
    Result<void> spawn(Function&& function, const CoroutineOptions& options, std::nothrow_t) {
        return start(Coroutine::create(
                         [this_state = state_, call = std::decay_t<Function>(
                                                   std::forward<Function>(function))]() mutable {
                             const Root root(*this_state);
                             root.run(call);
                         },
                         options),
                     options.name);
    }

    /// Runs `function()` on the loop's own stack, soon. The only member that other threads may
    /// call; the Loop must still exist. Must not throw, and must not wait: let it spawn or wake.
    /// Functions posted by one thread run in that order. Those that come before the last coroutine
    /// of a loop that is being left has ended still run, later ones don't.
    ///
    /// What other threads post keeps run() going only together with KeepAlive.
    template <std::invocable Function>
    void post(Function&& function) {
        using Posted = detail::PostedFunction<std::decay_t<Function>>;
        auto posted = std::make_unique<Posted>(std::forward<Function>(function));
        if (take_in(*posted)) {
            static_cast<void>(posted.release());  // it may have run and be gone
        }
    }

    /// Runs an owned loop until nothing is left to do, or uv_stop() was called. Returns false,
    /// after a report of who waits for what on standard error, if coroutines are left that nothing
    /// can ever wake. Must be called outside coroutines and callbacks.
    bool run();

    /// Cancels every coroutine that was spawned on this loop, those too that are spawned later.
    void cancel() noexcept;

    /// Leaves a borrowed loop: cancels the coroutines, waits until they have ended, closes the
    /// internal handles, then calls `done()` on the loop's stack. Returns at once; the host must go
    /// on running its loop until then. New coroutines are refused from now on. If another Loop
    /// shares the coroutines, they go on, and `done()` is called soon.
    void detach(std::function<void()> done = {});

    /// Keeps run() from returning while it exists, for programs whose coroutines wait for other
    /// threads to post. Must not outlive the Loop.
    class COLOOP_EXPORT KeepAlive {
    public:
        explicit KeepAlive(Loop& loop);
        KeepAlive(const KeepAlive&) = delete;
        KeepAlive& operator=(const KeepAlive&) = delete;
        ~KeepAlive();

    private:
        LoopState& state_;
    };

    /// The libuv loop, for what coloop does not wrap.
    [[nodiscard]] uv_loop_s* uv() const noexcept;

    /// The uv loop of the running coroutine. Misuse where there is none.
    [[nodiscard]] static uv_loop_s* current_uv();

private:
    friend class LoopState;
    friend struct LoopAccess;

    /// The outermost frame of a spawned coroutine.
    class COLOOP_EXPORT Root {
    public:
        explicit Root(LoopState& state) noexcept;
        Root(const Root&) = delete;
        Root& operator=(const Root&) = delete;
        ~Root();

        template <typename Function>
        void run(Function& function) const {
            try {
                function();
            } catch (const Cancelled&) {
                if (!scope_.cancelled()) {
                    throw;
                }
            }
        }

    private:
        LoopState& state_;
        CancelScope scope_;
    };

    enum class Role : std::uint8_t { owner, guest, detached };

    static LoopState* create();
    bool take_in(detail::Posted& posted) noexcept;
    Result<void> start(Result<Coroutine*>&& coroutine, std::string_view name) noexcept;

    LoopState* state_;
    Role role_;
};

}  // namespace coloop

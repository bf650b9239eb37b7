// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop {

class LoopState;

/// Coroutines that belong together and to whoever has the group: none of them outlives it.
///
/// The first failure cancels the others and is thrown by wait(), or by the next spawn(). If the
/// group's owner is cancelled, so are they. The destructor cancels those that are left and waits
/// for them. Declare the group after what its coroutines use, so that it is destroyed before that.
///
/// Belongs to the coroutine that makes it; its coroutines may spawn into it.
class COLOOP_EXPORT TaskGroup {
public:
    TaskGroup();

    struct Shielded {};

    /// A group that is not cancelled when its owner is, only by cancel() or the destructor: for an
    /// owner that lets its coroutines finish first.
    explicit TaskGroup(Shielded tag);

    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    /// Cancels, then waits until all have ended. Suspends; the only destructor in coloop that does.
    ~TaskGroup();

    /// Runs `function()` in a new coroutine of the group, soon. Throws the group's first failure if
    /// there was one, so that a loop which only spawns learns of it, and Error if there is no stack
    /// to be had.
    template <typename Function>
    void spawn(Function&& function, const CoroutineOptions& options = {}) {
        require_no_failure();
        spawn(std::forward<Function>(function), options, std::nothrow).value();
    }

    /// The same; returns the Error. After a failure the new coroutine is a cancelled one.
    template <typename Function>
    Result<void> spawn(Function&& function, const CoroutineOptions& options, std::nothrow_t) {
        return start(
            Coroutine::create(
                [this, call = std::decay_t<Function>(std::forward<Function>(function))]() mutable {
                    const Member member(*this);
                    try {
                        call();
                    } catch (...) {
                        note_failure();
                    }
                },
                options),
            options.name);
    }

    /// Waits until all coroutines of the group have ended, those too that are spawned meanwhile.
    /// Throws the first failure, once all have ended; failures() has the others. Throws Cancelled
    /// if the owner is cancelled, which cancels them, too, once they have ended.
    void wait();

    /// Cancels all coroutines of the group, those too that are spawned later.
    void cancel() noexcept { scope_.cancel(); }

    /// How many have not ended yet.
    [[nodiscard]] std::size_t size() const noexcept { return running_; }

    /// What left the group's functions so far, Cancelled aside; the first is the one wait() throws.
    [[nodiscard]] const std::vector<std::exception_ptr>& failures() const noexcept {
        return failures_;
    }

private:
    /// The outermost frame of a coroutine of the group.
    class COLOOP_EXPORT Member {
    public:
        explicit Member(TaskGroup& group);
        Member(const Member&) = delete;
        Member& operator=(const Member&) = delete;
        ~Member();

    private:
        TaskGroup& group_;
        CancelScope scope_;
    };

    Result<void> start(Result<Coroutine*> coroutine, std::string_view name) noexcept;
    void require_no_failure() const;
    void note_failure() noexcept;
    void join() noexcept;

    LoopState& state_;
    CancelScope scope_;
    std::size_t running_ = 0;
    CoQueue ended_{"wait for a task group"};
    std::vector<std::exception_ptr> failures_;
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <limits>
#include <memory>
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
#include <coloop/task.hpp>

namespace coloop {

class LoopState;

struct TaskGroupOptions {
    /// How many coroutines of the group may run at once, at least one; spawn() waits while there
    /// are so many.
    std::size_t limit = std::numeric_limits<std::size_t>::max();

    /// True for a group that is not cancelled when its owner is, only by cancel() or the
    /// destructor: for an owner that lets its coroutines finish first.
    bool shielded = false;
};

/// Coroutines that belong together and to whoever has the group: none of them outlives it.
///
/// The first failure cancels the others and is thrown by wait(), or by the next spawn(). If the
/// group's owner is cancelled, so are they. The destructor cancels those that are left and waits
/// for them. Declare the group after what its coroutines use, so that it is destroyed before that.
///
/// No failure is lost: the destructor prints those that nobody was told of, by wait(), spawn(),
/// Task::join() or failures(). Belongs to the coroutine that makes it; its coroutines may spawn
/// into it.
class COLOOP_EXPORT TaskGroup {
public:
    /// What spawn() returns for a function.
    template <typename Function>
    using TaskOf = Task<std::invoke_result_t<std::decay_t<Function>&>>;

    explicit TaskGroup(const TaskGroupOptions& options = {});
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    /// Cancels, then waits until all have ended. Suspends; the only destructor in coloop that does.
    ~TaskGroup();

    /// Runs `function()` in a new coroutine of the group as soon as the calling one stops; returns
    /// a handle to it, which may be ignored. Throws the group's first failure if there was one, so
    /// that a loop which only spawns learns of it, and Error if there is no stack to be had.
    ///
    /// If TaskGroupOptions::limit are running it waits for one to end, first come first served, and
    /// throws Cancelled if the caller is cancelled meanwhile. A coroutine of the group itself lends
    /// its place to the new one instead, and waits until there is one for itself again, so that a
    /// full group goes on; cancelled, it does not wait.
    template <typename Function>
    TaskOf<Function> spawn(Function&& function, const CoroutineOptions& options = {}) {
        require_no_failure();
        return spawn(std::forward<Function>(function), options, std::nothrow).value();
    }

    /// The same; returns the Error. After a failure the new coroutine is a cancelled one.
    template <typename Function>
    Result<TaskOf<Function>> spawn(Function&& function, const CoroutineOptions& options,
                                   std::nothrow_t) {
        using Member = detail::MemberOf<std::decay_t<Function>>;
        Result<Coroutine*> coroutine =
            Coroutine::create(Member(*this, std::forward<Function>(function)), options);
        Member* member = coroutine ? static_cast<Member*>((*coroutine)->closure_) : nullptr;
        detail::Member* lender = find_lender();
        const Result<void> started = start(coroutine, member, lender, options.name);
        if (!started) {
            return started.error();
        }
        TaskOf<Function> task(*member);
        if (lender != nullptr) {
            wait_for_place(*lender);
        }
        return task;
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
    [[nodiscard]] std::vector<std::exception_ptr> failures() const;

private:
    friend class detail::Member;

    Result<void> start(Result<Coroutine*> coroutine, detail::Member* member,
                       const detail::Member* lender, std::string_view name) noexcept;
    [[nodiscard]] detail::Member* find_lender() const noexcept;
    void wait_for_place(detail::Member& lender) noexcept;
    bool take_place() noexcept;
    void give_place() noexcept;
    void require_no_failure() const;
    void note(std::shared_ptr<detail::Failure> failure) noexcept;
    void join() noexcept;

    LoopState& state_;
    CancelScope scope_;
    std::size_t running_ = 0;
    std::size_t limit_;
    std::size_t places_;  // that are free
    CoQueue room_{"spawn into a full task group"};
    CoQueue ended_{"wait for a task group"};
    std::vector<std::shared_ptr<detail::Failure>> failures_;
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <coloop/deadline.hpp>
#include <coloop/export.hpp>
#include <coloop/select.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task.hpp>
#include <coloop/wait.hpp>

namespace coloop {

class LoopState;

/// A deadline that ends a Wait, between enlist() and leave(). Allocates nothing.
class COLOOP_EXPORT DeadlineWait final : private Deadline {
public:
    enum class Since : bool { now, epoch };

    /// Counts from the moment of enlist(), or from where the monotonic clock does.
    DeadlineWait(std::int64_t nanoseconds, Since since);

    [[nodiscard]] bool passed() const noexcept;

    void enlist(WaitNode& node);

    void leave() noexcept;

private:
    void expire() noexcept override;

    LoopState& state_;
    std::int64_t nanoseconds_;
    Since since_;
    WaitNode* node_ = nullptr;
};

template <typename Function>
class [[nodiscard]] DeadlineCase final : public SelectCase<DeadlineCase<Function>> {
public:
    DeadlineCase(std::int64_t nanoseconds, DeadlineWait::Since since, Function function)
        : deadline_(nanoseconds, since), function_(std::move(function)) {}

    [[nodiscard]] bool ready() const noexcept { return deadline_.passed(); }

    [[nodiscard]] static const WaitReason& reason() noexcept {
        static constexpr WaitReason deadline{"wait for a deadline"};
        return deadline;
    }

    void enlist(WaitNode& node) { deadline_.enlist(node); }

    void leave() noexcept { deadline_.leave(); }

    decltype(auto) finish() { return function_(); }

private:
    DeadlineWait deadline_;
    Function function_;
};

/// A case for select(): a moment of the steady clock has come: `function()`. Never early. Select
/// must then be called in a coroutine of a loop.
template <typename Duration, std::invocable Function>
DeadlineCase<Function> until(std::chrono::time_point<std::chrono::steady_clock, Duration> when,
                             Function function) {
    return {saturated_ns(when.time_since_epoch()), DeadlineWait::Since::epoch, std::move(function)};
}

/// The same, `duration` after select() began to wait. In a loop that selects again and again, this
/// limits each round; until(), with a moment computed before, limits all of them together.
template <typename Rep, typename Period, std::invocable Function>
DeadlineCase<Function> after(std::chrono::duration<Rep, Period> duration, Function function) {
    return {saturated_ns(duration), DeadlineWait::Since::now, std::move(function)};
}

/// How select() waits for a task.
template <typename T, typename Function>
class [[nodiscard]] TaskCase final : public SelectCase<TaskCase<T, Function>> {
public:
    TaskCase(Task<T>& task, Function function) : task_(task), function_(std::move(function)) {}

    /// True, too, if there is no coroutine, which is for join() to refuse.
    [[nodiscard]] bool ready() const noexcept { return task_.joiners() == nullptr; }

    [[nodiscard]] const WaitReason& reason() const noexcept {
        static constexpr WaitReason joined{"join"};
        const CoQueue* joiners = task_.joiners();  // null where the case is ready, or not enabled
        return joiners != nullptr ? joiners->reason() : joined;
    }

    void enlist(WaitNode& node) noexcept { task_.joiners()->enlist(node); }

    decltype(auto) finish() {
        if constexpr (std::is_void_v<T>) {
            task_.join();
            return function_();
        } else {
            return function_(task_.join());
        }
    }

private:
    Task<T>& task_;
    Function function_;
};

/// A case for select(): the task has ended and is joined: `function(T)`, or `function()` if it
/// returns nothing. If it failed or was cancelled, select() throws what Task::join() throws; if
/// another case happens, it goes on.
template <typename T, typename Function>
TaskCase<T, Function> wait(Task<T>& task, Function function) {
    return {task, std::move(function)};
}

}  // namespace coloop

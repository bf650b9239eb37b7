// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/export.hpp>

namespace coloop {

class TaskGroup;

namespace detail {

class TaskBase;

/// What left the function of a task, and whether anybody was told.
struct Failure {
    std::exception_ptr exception;
    bool seen = false;
};

/// A coroutine of a group as the group and its Task know it; lies on the coroutine's own stack.
class COLOOP_EXPORT Member : public Describable {
public:
    explicit Member(TaskGroup& group) noexcept : group_(group) {}

    Member& operator=(const Member&) = delete;

    void cancel() noexcept;

    [[nodiscard]] std::string describe() const override;

protected:
    /// Opens the member's cancel scope, and takes leave of its group at the end.
    class COLOOP_EXPORT Run final : public CancelScope {
    public:
        explicit Run(Member& member);
        ~Run();

    private:
        friend class coloop::TaskGroup;

        Member& member_;
    };

    /// To its stack, before anybody knows of it.
    Member(Member&& other) noexcept : group_(other.group_) {}

    ~Member() = default;

    /// Called in a handler of what left the function.
    void cut_short() noexcept;
    void failed() noexcept;

    TaskBase* task_ = nullptr;  // who wants to know how it ends; may be moved meanwhile

private:
    friend class coloop::TaskGroup;
    friend class TaskBase;

    TaskGroup& group_;
    Coroutine* coroutine_ = nullptr;
    Run* run_ = nullptr;
    bool cancelled_ = false;  // before it began
    bool has_place_ = true;   // among those that the group lets run at once
    CoQueue joiners_{"join", this};
};

/// The part of a Task that does not depend on what its function returns.
class COLOOP_EXPORT TaskBase {
public:
    TaskBase(const TaskBase&) = delete;
    TaskBase& operator=(const TaskBase&) = delete;

    /// Cancels this coroutine and nobody else; nothing if it has ended. Returns at once. Cancelled
    /// before it began, it runs until its first wait.
    void cancel() noexcept {
        if (member_ != nullptr) {
            member_->cancel();
        }
    }

    /// True if the coroutine has ended, in whatever way.
    [[nodiscard]] bool done() const noexcept { return state_ >= State::ended; }

    /// True if there is a coroutine that was not joined yet.
    [[nodiscard]] bool joinable() const noexcept {
        return state_ == State::running || state_ == State::ended;
    }

protected:
    TaskBase() = default;

    explicit TaskBase(Member& member) noexcept : member_(&member), state_(State::running) {
        member.task_ = this;
    }

    TaskBase(TaskBase&& other) noexcept { take(other); }

    TaskBase& operator=(TaskBase&& other) noexcept {
        if (this != &other) {
            let_go();
            take(other);
        }
        return *this;
    }

    ~TaskBase() { let_go(); }

    /// Waits for the end; throws what left the function.
    void wait_for_end();

    /// Where those wait who join; null if the coroutine has ended, or there is none.
    [[nodiscard]] CoQueue* joiners() const noexcept {
        return member_ != nullptr ? &member_->joiners_ : nullptr;
    }

private:
    friend class Member;

    enum class State : std::uint8_t { empty, running, ended, joined };

    void take(TaskBase& other) noexcept {
        member_ = std::exchange(other.member_, nullptr);
        failure_ = std::move(other.failure_);
        state_ = std::exchange(other.state_, State::empty);
        if (member_ != nullptr) {
            member_->task_ = this;
        }
    }

    void let_go() noexcept {
        if (member_ != nullptr) {
            if (!member_->joiners_.empty()) [[unlikely]] {
                refuse_to_let_go();
            }
            member_->task_ = nullptr;
        }
    }

    [[noreturn]] void refuse_to_let_go() const noexcept;

    Member* member_ = nullptr;  // null if it has ended
    std::shared_ptr<Failure> failure_;
    State state_ = State::empty;
};

template <typename Function>
class MemberOf;

}  // namespace detail

/// One coroutine of a TaskGroup and what its function returns, for who wants to know: the result of
/// TaskGroup::spawn().
///
/// May be ignored: that costs nothing, and the coroutine still belongs to its group, which waits
/// for it and is cancelled if it fails. May be moved, and may outlive the group; destroying it does
/// nothing to the coroutine. Belongs to the thread of its loop.
template <typename T = void>
class Task : public detail::TaskBase {
public:
    /// No coroutine.
    Task() = default;
    Task(Task&& other) noexcept = default;
    Task& operator=(Task&& other) noexcept = default;

    /// Waits until the coroutine has ended, and returns what its function returned or throws what
    /// left it. Once: then the Task is no longer joinable(), and joining it again is misuse.
    ///
    /// A coroutine that was cancelled has no result: then this throws Error (operation canceled)
    /// with its name. Throws Cancelled if the caller itself is cancelled while it waits; the other
    /// coroutine goes on then, and the Task can be joined later. Must be called in a coroutine.
    T join() {
        wait_for_end();
        if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(**value_);
        } else if constexpr (!std::is_void_v<T>) {
            return *std::move(value_);
        }
    }

private:
    friend class TaskGroup;
    template <typename, typename>
    friend class TaskCase;
    template <typename Function>
    friend class detail::MemberOf;

    struct Nothing {};

    using Kept = std::conditional_t<
        std::is_void_v<T>, Nothing,
        std::conditional_t<std::is_reference_v<T>, std::add_pointer_t<T>, std::remove_cv_t<T>>>;

    explicit Task(detail::Member& member) noexcept : TaskBase(member) {}

    std::optional<Kept> value_;
};

namespace detail {

template <typename Function>
class MemberOf final : public Member {
public:
    using Value = std::invoke_result_t<Function&>;

    template <typename From>
    MemberOf(TaskGroup& group, From&& function)
        : Member(group), function_(std::forward<From>(function)) {}

    void operator()() {
        const Run run(*this);
        try {
            call();
        } catch (const Cancelled&) {
            cut_short();
        } catch (...) {
            failed();
        }
    }

private:
    void call() {
        if constexpr (std::is_void_v<Value>) {
            function_();
        } else {
            Value value = function_();
            if (task_ != nullptr) {
                auto& kept = static_cast<Task<Value>*>(task_)->value_;
                if constexpr (std::is_reference_v<Value>) {
                    kept.emplace(std::addressof(value));
                } else {
                    kept.emplace(std::move(value));
                }
            }
        }
    }

    Function function_;
};

}  // namespace detail

}  // namespace coloop

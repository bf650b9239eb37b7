// SPDX-License-Identifier: MIT
#include <uv.h>

#include <coloop/task.hpp>
#include <coloop/task_group.hpp>
#include <coloop/uv_error.hpp>

#include "base/misuse.hpp"
#include "coroutine/access.hpp"
#include "coroutine/report.hpp"
#include "loop/loop_state.hpp"

namespace coloop::detail {

namespace {

/// Who waited for an end goes on next: a branch of a tree ends before another begins.
[[gnu::always_inline]] inline void wake_ahead(CoQueue& queue) noexcept {
    while (!queue.empty()) {
        Coroutine& waiter = queue.take_first();
        CoroutineAccess::scheduler(waiter).make_ready_ahead(waiter);
    }
}

}  // namespace

void Member::cancel() noexcept {
    if (run_ != nullptr) {
        run_->cancel();
    } else {
        cancelled_ = true;
    }
}

std::string Member::describe() const {
    const std::string_view name = coroutine_->name();
    return name.empty() ? "a task" : "task \"" + std::string(name) + '"';
}

/// For whoever joins this is an error like others, not a cancellation of its own.
void Member::cut_short() noexcept {
    if (task_ != nullptr) {
        const Error error(uv_code(UV_ECANCELED), "join", describe());
        task_->failure_ = std::make_shared<Failure>(Failure{std::make_exception_ptr(error)});
    }
    if (!run_->cancelled()) {  // it comes from elsewhere
        group_.note(std::make_shared<Failure>(Failure{std::current_exception()}));
    }
}

void Member::failed() noexcept {
    auto failure = std::make_shared<Failure>(Failure{std::current_exception()});
    if (task_ != nullptr) {
        task_->failure_ = failure;
    }
    group_.note(std::move(failure));
}

Member::Run::Run(Member& member) : CancelScope(Below{member.group_.scope_}), member_(member) {
    member.run_ = this;
    if (member.cancelled_) {
        cancel();
    }
}

Member::Run::~Run() {
    if (TaskBase* task = member_.task_) {
        task->member_ = nullptr;
        task->state_ = TaskBase::State::ended;
    }
    TaskGroup& group = member_.group_;
    wake_ahead(member_.joiners_);
    if (member_.has_place_) {
        group.give_place();
    }
    if (--group.running_ == 0) {
        wake_ahead(group.ended_);
    }
    group.state_.end_coroutine();
}

void TaskBase::wait_for_end() {
    while (state_ == State::running) {
        if (member_->coroutine_ == Coroutine::self()) {
            misuse("join: " + describe(*Coroutine::self()) +
                   " waits for its own end; let another coroutine join it");
        }
        member_->joiners_.wait();
    }
    if (state_ != State::ended) {
        misuse(
            "join: this Task is empty, because it was moved from, joined already, or never had "
            "a coroutine; ask joinable() where that can be");
    }
    state_ = State::joined;
    if (failure_ != nullptr) {
        failure_->seen = true;
        std::rethrow_exception(failure_->exception);
    }
}

void TaskBase::refuse_to_let_go() const noexcept {
    misuse("the Task of " + describe(*member_->coroutine_) +
           " was destroyed or assigned to while a coroutine waits in its join(); let that end "
           "first");
}

}  // namespace coloop::detail

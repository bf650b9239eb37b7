// SPDX-License-Identifier: MIT
#include <coloop/task_group.hpp>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"
#include "loop/loop_state.hpp"
#include "sync/co_queue_inline.hpp"

namespace coloop {

namespace {

// What is unusual is not inline, so that what is usual needs no room for texts and errors.

[[noreturn, gnu::noinline, gnu::cold]] void refuse_limit() noexcept {
    misuse("a task group with a limit of 0 was made in " + describe(*Coroutine::self()) +
           "; nobody could ever run in it, give it a limit of at least 1");
}

[[gnu::noinline, gnu::cold]] Result<void> not_created(const Result<Coroutine*>& coroutine) {
    return coroutine.error();
}

[[gnu::noinline, gnu::cold]] Result<void> cancelled_first(std::string_view name) {
    return Error(make_error_code(Errc::cancelled), "spawn", name);
}

}  // namespace

TaskGroup::TaskGroup(const TaskGroupOptions& options)
    : state_(LoopState::current("make a task group")),
      scope_(CancelScope::Detached(), options.shielded ? nullptr : CancelScope::innermost()),
      limit_(options.limit),
      places_(options.limit) {
    if (limit_ == 0) [[unlikely]] {
        refuse_limit();
    }
}

TaskGroup::~TaskGroup() {
    if (running_ > 0) {
        cancel();
        join();
    }
    for (const auto& failure : failures_) {
        if (!failure->seen) {
            print_failure(failure->exception);
        }
    }
}

/// Starts a new coroutine in a place of its own or, if a member asks, in that one's.
Result<void> TaskGroup::start(Result<Coroutine*> coroutine, detail::Member* member,
                              const detail::Member* lender, std::string_view name) noexcept {
    if (!coroutine) [[unlikely]] {
        return not_created(coroutine);
    }
    if (lender == nullptr && !take_place()) {
        (*coroutine)->~Coroutine();
        return cancelled_first(name);
    }
    Coroutine* const created = *coroutine;
    Result<void> started = state_.start(std::move(coroutine), name);
    if (started) {
        member->coroutine_ = created;
        ++running_;
    } else if (lender == nullptr) {
        give_place();
    }
    return started;
}

/// The calling coroutine, if it is one of the group and has a place to lend; needed only where
/// places are scarce.
detail::Member* TaskGroup::find_lender() const noexcept {
    if (places_ > 0 || !in_coroutine()) {
        return nullptr;
    }
    const CancelScope* outermost = CancelScope::innermost();
    while (outermost != nullptr && outermost->outer_ != nullptr) {
        outermost = outermost->outer_;
    }
    if (outermost == nullptr || outermost->parent_ != &scope_) {
        return nullptr;
    }
    detail::Member& caller = static_cast<const detail::Member::Run*>(outermost)->member_;
    return caller.has_place_ ? &caller : nullptr;
}

/// A member that has lent its place goes on when it has one again, or is cancelled.
void TaskGroup::wait_for_place(detail::Member& lender) noexcept {
    lender.has_place_ = take_place();
}

bool TaskGroup::take_place() noexcept {
    if (places_ == 0) {
        return room_.wait(std::nothrow);  // who wakes hands a place over
    }
    --places_;
    return true;
}

void TaskGroup::give_place() noexcept {
    if (room_.empty()) {
        ++places_;
    } else {
        room_.wake_one();
    }
}

void TaskGroup::require_no_failure() const {
    if (!failures_.empty()) {
        failures_.front()->seen = true;
        std::rethrow_exception(failures_.front()->exception);
    }
}

void TaskGroup::wait() {
    while (running_ > 0) {
        Wait::require_coroutine(ended_.reason());
        if (Wait::already_cancelled() || !ended_.wait_inline(0, CoQueue::back, true)) {
            cancel();
            join();
            throw Cancelled();
        }
    }
    require_no_failure();
}

void TaskGroup::join() noexcept {
    const CancelScope shield(CancelScope::Kind::shield);
    while (running_ > 0) {
        static_cast<void>(ended_.wait(std::nothrow));
    }
}

void TaskGroup::note(std::shared_ptr<detail::Failure> failure) noexcept {
    failures_.push_back(std::move(failure));
    cancel();
}

std::vector<std::exception_ptr> TaskGroup::failures() const {
    std::vector<std::exception_ptr> all;
    for (const auto& failure : failures_) {
        failure->seen = true;
        all.push_back(failure->exception);
    }
    return all;
}

}  // namespace coloop

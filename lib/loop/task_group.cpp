// SPDX-License-Identifier: MIT
#include <coloop/task_group.hpp>

#include "loop/loop_state.hpp"

namespace coloop {

TaskGroup::TaskGroup()
    : state_(LoopState::current("make a task group")),
      scope_(CancelScope::Detached(), CancelScope::innermost()) {}

TaskGroup::TaskGroup(Shielded /*tag*/)
    : state_(LoopState::current("make a task group")), scope_(CancelScope::Detached(), nullptr) {}

TaskGroup::~TaskGroup() {
    if (running_ > 0) {
        cancel();
        join();
    }
}

Result<void> TaskGroup::start(Result<Coroutine*> coroutine, std::string_view name) noexcept {
    Result<void> started = state_.start(std::move(coroutine), name);
    if (started) {
        ++running_;
    }
    return started;
}

void TaskGroup::require_no_failure() const {
    if (!failures_.empty()) {
        std::rethrow_exception(failures_.front());
    }
}

void TaskGroup::wait() {
    while (running_ > 0) {
        if (!ended_.wait(std::nothrow)) {
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

/// Called in a handler of what left a member's function.
void TaskGroup::note_failure() noexcept {
    try {
        throw;
    } catch (const Cancelled&) {
        if (scope_.cancelled()) {
            return;
        }
    } catch (...) {
    }
    failures_.push_back(std::current_exception());
    cancel();
}

TaskGroup::Member::Member(TaskGroup& group)
    : group_(group), scope_(CancelScope::Below{group.scope_}) {}

TaskGroup::Member::~Member() {
    LoopState& state = group_.state_;
    if (--group_.running_ == 0) {
        group_.ended_.wake_all();
    }
    state.end_coroutine();
}

}  // namespace coloop

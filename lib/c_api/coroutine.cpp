// SPDX-License-Identifier: MIT
//
// Coroutines, scopes and groups.
#include <new>
#include <variant>

#include <coloop/coloop.h>
#include <coloop/run.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>
#include <coloop/uv_error.hpp>

#include "c_api/guarded.hpp"
#include "c_api/loop.hpp"
#include "c_api/record.hpp"
#include "loop/loop_access.hpp"

namespace coloop::c_api {

namespace {

/// What lies in the words of a scope.
using Scope = std::variant<CancelScope, TimeoutScope>;

static_assert(sizeof(Scope) <= sizeof(coloop_scope) && alignof(Scope) <= alignof(coloop_scope));

Scope& scope_of(coloop_scope* scope) noexcept {
    return *std::launder(reinterpret_cast<Scope*>(scope->coloop_words));
}

// NOLINTNEXTLINE(bugprone-exception-escape): it is never without a value
CancelScope& cancel_scope_of(Scope& scope) noexcept {
    return std::visit([](auto& one) -> CancelScope& { return one; }, scope);
}

/// Calls a member function of a group, for its failure to be seen by the others.
void run_member(int (*function)(void*), void* argument) {
    const RecordHere record;
    const int status = function(argument);
    if (status < 0 && status != UV_ECANCELED) {
        throw Error(uv_code(status), (*record).message.empty()
                                         ? std::string_view("coroutine of a group")
                                         : std::string_view((*record).message));
    }
}

}  // namespace

}  // namespace coloop::c_api

using namespace coloop::c_api;
using coloop::CancelScope;
using coloop::LoopState;
using coloop::TaskGroup;

int coloop_run(int (*function)(void*), void* argument) {
    return guarded([&] {
        return coloop::run([&] {
            const RecordHere record;
            return function(argument);
        });
    });
}

int coloop_spawn(coloop_loop* loop, void (*function)(void*), void* argument) {
    const coloop_spawn_options options{};
    return coloop_spawn_with(loop, function, argument, &options);
}

int coloop_spawn_with(coloop_loop* loop, void (*function)(void*), void* argument,
                      const coloop_spawn_options* given) {
    coloop::CoroutineOptions options;
    if (given->name != nullptr) {
        options.name = given->name;
    }
    if (given->stack_size != 0) {
        options.stack_size = given->stack_size;
    }
    return status_of(coloop::LoopAccess::spawn(
        coloop::state_of(loop),
        [function, argument] {
            const RecordHere record;
            function(argument);
        },
        options));
}

coloop_loop* coloop_current_loop() {
    if (!coloop::in_coroutine()) {
        return nullptr;
    }
    coloop::Scheduler& scheduler = coloop::Scheduler::current();
    return scheduler.is_loop ? coloop::handle_of(static_cast<LoopState&>(scheduler)) : nullptr;
}

std::int64_t coloop_now_ns() { return static_cast<std::int64_t>(LoopState::time_here()); }

int coloop_sleep_ns(std::int64_t ns) {
    return guarded([=] {
        coloop::co_sleep_ns(ns);
        return 0;
    });
}

int coloop_check_cancelled() {
    return guarded([] {
        coloop::check_cancelled();
        return 0;
    });
}

void coloop_scope_open(coloop_scope* scope) {
    new (scope->coloop_words) Scope(std::in_place_index<0>);
}

void coloop_scope_open_timeout(coloop_scope* scope, std::int64_t ns) {
    new (scope->coloop_words) Scope(std::in_place_index<1>, ns);
}

void coloop_scope_open_deadline(coloop_scope* scope, std::int64_t when) {
    new (scope->coloop_words) Scope(std::in_place_index<1>, coloop::TimeoutScope::Until{when});
}

void coloop_scope_open_shield(coloop_scope* scope) {
    new (scope->coloop_words) Scope(std::in_place_index<0>, CancelScope::Kind::shield);
}

void coloop_scope_cancel(coloop_scope* scope) { cancel_scope_of(scope_of(scope)).cancel(); }

int coloop_scope_close(coloop_scope* handle) {
    Scope& scope = scope_of(handle);
    const CancelScope& cancel_scope = cancel_scope_of(scope);
    const auto* timeout = std::get_if<coloop::TimeoutScope>(&scope);
    int status = cancel_scope.cancelled() ? UV_ECANCELED : 0;
    if (timeout != nullptr && timeout->expired() && timeout->absorbs()) {
        status = UV_ETIMEDOUT;
    }
    scope.~Scope();
    return status == 0 ? 0 : fail(status, coloop::uv_code(status).message());
}

coloop_group* coloop_group_new() { return reinterpret_cast<coloop_group*>(new TaskGroup); }

int coloop_group_spawn(coloop_group* group, int (*function)(void*), void* argument) {
    return status_of(object_of<TaskGroup>(group).spawn(
        [function, argument] { run_member(function, argument); }, {}, std::nothrow));
}

int coloop_group_wait(coloop_group* group) {
    return guarded([=] {
        object_of<TaskGroup>(group).wait();
        return 0;
    });
}

void coloop_group_cancel(coloop_group* group) { object_of<TaskGroup>(group).cancel(); }

void coloop_group_free(coloop_group* group) { delete &object_of<TaskGroup>(group); }

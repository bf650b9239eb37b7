// SPDX-License-Identifier: MIT
//
// A call on another stack is a context of its own that is entered once and left once by its caller.
// A coroutine that stops inside is switched out from there and in again to there; nothing but the
// record of which stack it runs on knows of the difference.
#include <string>
#include <utility>

#include <cxxabi.h>

#include <coloop/call_with_stack.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/error.hpp>

#include "base/misuse.hpp"
#include "context/outside.hpp"
#include "context/stack.hpp"
#include "coroutine/access.hpp"
#include "coroutine/stack_call.hpp"

namespace coloop::detail {

namespace {

/// Runs on the other stack. No exception may leave it, for the caller's frames are not above it.
Context* enter_call(void* argument) {
    auto& call = *static_cast<StackCall*>(argument);
    try {
        call.call.function(call.call.argument);
    } catch (const abi::__forced_unwind&) {  // the thread is being cancelled
        throw;
    } catch (...) {
        call.error = std::current_exception();
    }
    return &call.context;
}

/// Switches to a call whose context was made, and returns when it has.
void perform(StackCall& call) {
    swap_context(call.context);
    discard_context(call.context);
}

void rethrow(StackCall& call) {
    if (call.error) {
        std::rethrow_exception(std::move(call.error));
    }
}

/// The context in which the thread's own stack is left, as far as it is used.
Context& left_outside() {
    if (thread.calls_outside != nullptr) {
        StackCall* call = thread.calls_outside;
        while (call->outer != nullptr) {
            call = call->outer;
        }
        return call->context;
    }
    Coroutine* coroutine = thread.current;
    while (CoroutineAccess::caller(*coroutine) != nullptr) {
        coroutine = CoroutineAccess::caller(*coroutine);
    }
    return CoroutineAccess::context(*coroutine);
}

}  // namespace

void run_on_stack(std::size_t size, Call function) {
    Stack* stack = take_stack(size);
    if (stack == nullptr) {
        throw Error(std::make_error_code(std::errc::not_enough_memory), "call_with_stack",
                    std::to_string(size) + " bytes");
    }
    StackCall call{{}, function, stack, nullptr, nullptr};
    make_context(call.context, stack->low, stack->top(), enter_call, &call);
    // The stack keeps having no owner: its coroutine is found by its first stack already.
    Coroutine* self = thread.current;
    if (self != nullptr) {
        Stack* before = std::exchange(CoroutineAccess::stack(*self), stack);
        perform(call);
        CoroutineAccess::stack(*self) = before;
    } else {
        call.outer = std::exchange(thread.calls_outside, &call);
        perform(call);
        thread.calls_outside = call.outer;
    }
    give_stack(*stack);
    rethrow(call);
}

void run_on_loop_stack(Call function) {
    if (thread.current == nullptr && thread.calls_outside == nullptr) {
        function.function(function.argument);
        return;
    }
    StackCall call{{}, function, nullptr, nullptr, nullptr};
    make_context_outside(call.context, left_outside(), enter_call, &call);
    // Coroutines that are entered or made inside see a thread that is outside coroutines.
    const Thread before = thread;
    if (thread.current != nullptr) {
        thread.scheduler = &CoroutineAccess::scheduler(*thread.current);
        thread.lent = thread.current;
    }
    thread.current = nullptr;
    thread.calls_outside = nullptr;
    perform(call);
    thread.scheduler = before.scheduler;
    thread.lent = before.lent;
    thread.current = before.current;
    thread.calls_outside = before.calls_outside;
    rethrow(call);
}

}  // namespace coloop::detail

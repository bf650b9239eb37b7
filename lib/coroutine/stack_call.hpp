// SPDX-License-Identifier: MIT
#pragma once

#include <exception>

#include <coloop/call_with_stack.hpp>
#include <coloop/detail/switch.hpp>

namespace coloop {

struct Stack;

/// A call that runs on another stack than its caller's. Lies in the caller's frame.
struct StackCall {
    detail::Context context;  // while it runs, where its caller goes on
    detail::Call call;
    Stack* stack;      // what it runs on; null: the thread's own
    StackCall* outer;  // the call that this one was made in, if neither is in a coroutine
    std::exception_ptr error;
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
//
// The life of a coroutine outside its switch. From the top of its stack down lie: the stack's
// record, the name, the Coroutine itself if nobody else keeps it, the function object, and the
// frames. So a spawned coroutine that waits in a shallow frame is one page in all.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include <cxxabi.h>

#include <coloop/coroutine.hpp>
#include <coloop/error.hpp>

#include "base/misuse.hpp"
#include "context/stack.hpp"
#include "coroutine/report.hpp"
#include "coroutine/scheduler.hpp"

namespace coloop {

namespace detail {

constinit thread_local Thread thread{};

namespace {

void prepare(Thread& thread) noexcept {
    thread.error_number = &errno;
    thread.exceptions = reinterpret_cast<ExceptionGlobals*>(abi::__cxa_get_globals());
}

}  // namespace

}  // namespace detail

namespace {

constexpr std::size_t longest_name = 63;

std::byte* align_down(std::byte* place, std::size_t alignment) noexcept {
    return place - (reinterpret_cast<std::uintptr_t>(place) & (alignment - 1));
}

Error no_stack(const CoroutineOptions& options) {
    return {std::make_error_code(std::errc::not_enough_memory), "create coroutine", options.name};
}

Stack& need_stack(const CoroutineOptions& options) {
    Stack* stack = take_stack(options.stack_size);
    if (stack == nullptr) {
        throw no_stack(options);
    }
    return *stack;
}

}  // namespace

Coroutine::Coroutine(const CoroutineOptions& options)
    : Coroutine(need_stack(options), nullptr, options) {}

/// `place` is where the function object goes, below; null for right below the stack's record.
Coroutine::Coroutine(Stack& stack, std::byte* place, const CoroutineOptions& options)
    : thread_(&detail::thread),
      scheduler_(&Scheduler::current()),
      stack_(&stack),
      closure_(place != nullptr ? place : stack.top()) {
    if (thread_->error_number == nullptr) [[unlikely]] {
        detail::prepare(*thread_);
    }
    stack.owner = this;
    runtime_.error_number = 0;
    runtime_.exceptions = {};
    if (!options.name.empty()) {
        const std::size_t length = std::min(options.name.size(), longest_name);
        auto* name = reinterpret_cast<char*>(make_room(length + 1, 1));
        std::memcpy(name, options.name.data(), length);
        name[length] = '\0';
        name_ = name;
    }
}

Result<Coroutine*> Coroutine::create_on_stack(const CoroutineOptions& options) {
    Stack* stack = take_stack(options.stack_size);
    if (stack == nullptr) {
        return no_stack(options);
    }
    std::byte* place = align_down(stack->top() - sizeof(Coroutine), alignof(Coroutine));
    auto* coroutine = new (place) Coroutine(*stack, place, options);
    coroutine->on_own_stack_ = true;
    return coroutine;
}

/// Takes room below what was taken before.
std::byte* Coroutine::make_room(std::size_t size, std::size_t alignment) {
    auto* highest = static_cast<std::byte*>(closure_);
    if (size + alignment > static_cast<std::size_t>(highest - stack_->low) / 2) {
        throw Error(std::make_error_code(std::errc::not_enough_memory), "create coroutine",
                    "its function object does not fit its stack");
    }
    std::byte* place = align_down(highest - size, alignment);
    closure_ = place;
    return place;
}

/// Takes room for the function object, and lets the first frame begin below it.
void* Coroutine::prepare(std::size_t size, std::size_t alignment) {
    std::byte* place = make_room(size, alignment);
    detail::make_context(context_, stack_->low, place, main, this);
    handler_ = [](void*, bool) {};  // until the function object is there
    return place;
}

Coroutine::~Coroutine() {
    if (status_ == Status::done) {
        return;
    }
    if (status_ != Status::created) {
        misuse(describe_state(*this, scheduler_->now) +
               ", but its Coroutine is being destroyed; let it end first (cancel its scope and "
               "wait for it)");
    }
    if (handler_ != nullptr) {
        handler_(closure_, false);
        release();
    } else {
        stack_->owner = nullptr;
        give_stack(*stack_);
    }
}

/// Runs on the coroutine's own stack, and leaves it for good by returning.
detail::Context* Coroutine::main(void* self) {
    auto& coroutine = *static_cast<Coroutine*>(self);
    coroutine.runtime_.inside = coroutine.runtime_.outside;
    try {
        coroutine.handler_(coroutine.closure_, true);
    } catch (const abi::__forced_unwind&) {
        throw;
    } catch (...) {
        std::fprintf(stderr, "coloop: an exception left %s, which nobody waits for\n",
                     describe(coroutine).c_str());
        std::terminate();
    }
    if (coroutine.locks_held_ != 0) [[unlikely]] {
        misuse(describe(coroutine) + " ended while it held a lock; unlock it first");
    }
    if (coroutine.pending_requests_ != 0) [[unlikely]] {
        misuse(describe(coroutine) + " ended while a request of its own was still pending");
    }
    if (coroutine.locals_ != nullptr) [[unlikely]] {
        coroutine.destroy_locals();
    }
    detail::Thread& thread = *coroutine.thread_;
    coroutine.status_ = Status::done;
    thread.current = coroutine.caller_;
    coroutine.runtime_.leave(coroutine.runtime_.inside, *thread.error_number, *thread.exceptions);
    return &coroutine.context_;
}

void Coroutine::after_enter() {
    if (status_ == Status::done) {
        release();
    }
    if (detail::thread.has_ready && detail::thread.current == nullptr) {
        run_ready();
    }
}

/// Gives the stack back, and with it this object if it lies there.
void Coroutine::release() noexcept {
    detail::discard_context(context_);
    give_stack(*stack_);
}

std::string_view Coroutine::name() const noexcept {
    return name_ == nullptr ? std::string_view() : name_;
}

std::size_t Coroutine::stack_size() const noexcept { return stack_->size(); }

void Coroutine::refuse_to_enter() const noexcept {
    const std::string who = "enter: " + describe(*this);
    if (thread_ != &detail::thread) {
        misuse(who + " belongs to another thread; enter it there");
    }
    switch (status_) {
        case Status::waiting:
            misuse("enter: " + describe_state(*this, scheduler_->now) +
                   "; only what it waits for can let it go on");
        case Status::ready:
            misuse(who + " was woken and is about to run by itself");
        case Status::entered:
            misuse(who + (this == self() ? " cannot enter itself"
                                         : " has entered " + describe(*self()) +
                                               " itself, if only through others; yield to it"));
        case Status::done:
            misuse(who + " has ended; create a new one");
        case Status::created:
        case Status::yielded:
            break;
    }
    misuse(who + " cannot be entered");
}

void Coroutine::refuse_to_yield() noexcept {
    if (const Coroutine* lent = detail::thread.lent) {
        misuse("yield: " + describe(*lent) +
               " is inside run_on_loop_stack(), where it cannot stop; return from there first");
    }
    misuse("yield: there is no coroutine to yield from; call it in a function that runs in one");
}

}  // namespace coloop

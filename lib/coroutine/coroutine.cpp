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
#include "context/stack_pool.hpp"
#include "coroutine/report.hpp"
#include "coroutine/scheduler.hpp"

namespace coloop {

namespace detail {

constinit thread_local Thread thread{};

namespace {

void prepare(Thread& thread) noexcept {
    thread.self = &thread;
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

/// A stack, or why there is none.
class StackFor {
public:
    StackFor(const CoroutineOptions& options, std::size_t room) noexcept
        : options_(options), stack_(take_stack_now(options.stack_size)) {
        if (stack_ != nullptr && room > stack_->size() / 2) [[unlikely]] {
            give_stack_now(*stack_);
            stack_ = nullptr;
            too_large_ = true;
        }
    }

    explicit operator bool() const noexcept { return stack_ != nullptr; }

    Stack& operator*() const noexcept { return *stack_; }

    [[nodiscard]] Error error() const {
        return {std::make_error_code(std::errc::not_enough_memory), "create coroutine",
                too_large_ ? "its function object does not fit its stack" : options_.name};
    }

    [[nodiscard]] Stack& value() const {
        if (stack_ == nullptr) [[unlikely]] {
            throw error();
        }
        return *stack_;
    }

private:
    const CoroutineOptions& options_;
    Stack* stack_;
    bool too_large_ = false;
};

}  // namespace

Coroutine::Coroutine(const CoroutineOptions& options, Room room)
    : Coroutine(StackFor(options, room.size + room.alignment).value(), nullptr, options, room) {}

/// Everything that is to be known lies above `place`; null for right below the stack's record.
Coroutine::Coroutine(Stack& stack, std::byte* place, const CoroutineOptions& options,
                     Room room) noexcept
    : thread_(&detail::thread),
      scheduler_(&Scheduler::current()),
      stack_(&stack),
      handler_([](void*, bool) {}),  // until the function object is there
      closure_(place != nullptr ? place : stack.top()) {
    if (thread_->error_number == nullptr) [[unlikely]] {
        detail::prepare(*thread_);
    }
    stack.owner = this;
    runtime_.error_number = 0;
    runtime_.has_exceptions = 0;
    if (!options.name.empty()) {
        keep_name(options.name);
    }
    std::byte* closure = align_down(static_cast<std::byte*>(closure_) - room.size, room.alignment);
    closure_ = closure;
    detail::make_context(context_, stack.low, closure, main, this);
}

Result<Coroutine*> Coroutine::create_on_stack(const CoroutineOptions& options, Room room) {
    const StackFor stack(options,
                         sizeof(Coroutine) + alignof(Coroutine) + room.size + room.alignment);
    if (!stack) [[unlikely]] {
        return stack.error();
    }
    std::byte* place = align_down((*stack).top() - sizeof(Coroutine), alignof(Coroutine));
    auto* coroutine = new (place) Coroutine(*stack, place, options, room);
    return coroutine;
}

/// As the next thing on the stack.
void Coroutine::keep_name(std::string_view name) noexcept {
    const std::size_t length = std::min(name.size(), longest_name);
    auto* copy = static_cast<char*>(closure_) - (length + 1);
    std::memcpy(copy, name.data(), length);
    copy[length] = '\0';
    name_ = copy;
    closure_ = copy;
}

/// The destructor's work before the function has ended.
void Coroutine::end_early() {
    if (status_ != Status::created) {
        misuse(describe_state(*this, scheduler_->now) +
               ", but its Coroutine is being destroyed; let it end first (cancel its scope and "
               "wait for it)");
    }
    handler_(closure_, false);
    release();
}

/// Runs on the coroutine's own stack, and leaves it for good by returning.
detail::Context* Coroutine::main(void* self) {
    auto& coroutine = *static_cast<Coroutine*>(self);
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
    detail::store_control(coroutine.runtime_.control[detail::inside]);
    detail::Thread& thread = *coroutine.thread_;
    coroutine.status_ = Status::done;
    thread.current = coroutine.caller_;
    coroutine.runtime_.leave(*thread.error_number, *thread.exceptions);
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
    give_stack_now(*stack_);
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

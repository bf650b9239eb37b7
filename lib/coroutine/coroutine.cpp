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
constexpr std::size_t cache_line = 64;

std::byte* align_down(std::byte* place, std::size_t alignment) noexcept {
    return place - (reinterpret_cast<std::uintptr_t>(place) & (alignment - 1));
}

/// Why there is no stack for a coroutine.
enum class Lack : bool { memory, room };

/// A stack, or null. Inline with its callers, so that they look only once whether there is one.
[[gnu::always_inline]] inline Stack* take_stack_for(const CoroutineOptions& options,
                                                    std::size_t room, Lack& lack) noexcept {
    Stack* stack = take_stack_now(options.stack_size);
    if (stack != nullptr && room > stack->size() / 2) [[unlikely]] {
        give_stack_now(*stack);
        lack = Lack::room;
        return nullptr;
    }
    return stack;
}

// What is unusual is not inline, so that what is usual needs no room for texts and errors.

[[gnu::noinline, gnu::cold]] Error no_stack(const CoroutineOptions& options, Lack lack) {
    return {std::make_error_code(std::errc::not_enough_memory), "create coroutine",
            lack == Lack::room ? "its function object does not fit its stack" : options.name};
}

[[gnu::noinline, gnu::cold]] Result<Coroutine*> not_created(const CoroutineOptions& options,
                                                            Lack lack) {
    return no_stack(options, lack);
}

[[gnu::always_inline]] inline Stack& require_stack_for(const CoroutineOptions& options,
                                                       std::size_t room) {
    Lack lack = Lack::memory;
    Stack* stack = take_stack_for(options, room, lack);
    if (stack == nullptr) [[unlikely]] {
        throw no_stack(options, lack);
    }
    return *stack;
}

[[noreturn, gnu::noinline, gnu::cold]] void refuse_exception(const Coroutine& coroutine) {
    std::fprintf(stderr, "coloop: an exception left %s, which nobody waits for\n",
                 describe(coroutine).c_str());
    std::terminate();
}

}  // namespace

/// Everything that is to be known lies above `place`.
[[gnu::always_inline]] inline Coroutine::Coroutine(Stack& stack, std::byte* place,
                                                   const CoroutineOptions& options,
                                                   Room room) noexcept
    : thread_(&detail::thread),
      scheduler_(&Scheduler::current()),
      stack_(&stack),
      handler_([](void*, bool) {}) {  // until the function object is there
    if (thread_->error_number == nullptr) [[unlikely]] {
        detail::prepare(*thread_);
    }
    stack.owner = this;
    runtime_.error_number = 0;
    runtime_.has_exceptions = 0;
    if (!options.name.empty()) {
        place = keep_name(place, options.name);
    }
    std::byte* closure = align_down(place - room.size, room.alignment);
    closure_ = closure;
    detail::make_context(context_, stack.low, closure, main, this);
}

Coroutine::Coroutine(const CoroutineOptions& options, Room room)
    : Coroutine(require_stack_for(options, room.size + room.alignment), options, room) {}

inline Coroutine::Coroutine(Stack& stack, const CoroutineOptions& options, Room room) noexcept
    : Coroutine(stack, stack.top(), options, room) {}

Result<Coroutine*> Coroutine::create_on_stack(const CoroutineOptions& options, Room room) {
    Lack lack = Lack::memory;
    Stack* stack =
        take_stack_for(options, sizeof(Coroutine) + cache_line + room.size + room.alignment, lack);
    if (stack == nullptr) [[unlikely]] {
        return not_created(options, lack);
    }
    std::byte* place = align_down(stack->top() - sizeof(Coroutine), cache_line);
    return new (place) Coroutine(*stack, place, options, room);
}

/// As the next thing on the stack; returns where that goes on.
[[gnu::noinline]] std::byte* Coroutine::keep_name(std::byte* place,
                                                  std::string_view name) noexcept {
    const std::size_t length = std::min(name.size(), longest_name);
    auto* copy = reinterpret_cast<char*>(place) - (length + 1);
    std::memcpy(copy, name.data(), length);
    copy[length] = '\0';
    name_ = copy;
    return reinterpret_cast<std::byte*>(copy);
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

/// For one whose function has returned and that has locals or leaves behind what it must not.
[[gnu::noinline]] void Coroutine::end_unusually() {
    if (locks_held_ != 0) {
        misuse(describe(*this) + " ended while it held a lock; unlock it first");
    }
    if (pending_requests_ != 0) {
        misuse(describe(*this) + " ended while a request of its own was still pending");
    }
    destroy_locals();
}

/// Runs on the coroutine's own stack, and leaves it for good by returning.
detail::Context* Coroutine::main(void* self) {
    auto& coroutine = *static_cast<Coroutine*>(self);
    try {
        coroutine.handler_(coroutine.closure_, true);
    } catch (const abi::__forced_unwind&) {
        throw;
    } catch (...) {
        refuse_exception(coroutine);
    }
    if ((coroutine.locks_held_ | coroutine.pending_requests_) != 0 || coroutine.locals_ != nullptr)
        [[unlikely]] {
        coroutine.end_unusually();
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

// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include <coloop/detail/switch.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop {

class CancelScope;
class CoMutex;
class Coroutine;
class Scheduler;
class Wait;
struct LocalSlot;
struct Stack;
struct StackCall;

/// What a stack takes of the address space unless the creator says otherwise. Memory is only
/// committed as it is touched; the guard at its low end is part of it.
#if defined(COLOOP_ASAN) || defined(COLOOP_TSAN)
inline constexpr std::size_t default_stack_size = std::size_t{1} << 20;  // their frames are larger
#else
inline constexpr std::size_t default_stack_size = std::size_t{256} << 10;
#endif

struct CoroutineOptions {
    /// For reports; at most 63 bytes of it are kept, as a copy.
    std::string_view name = {};

    /// Rounded up to a power of two from 16 KiB to 1 GiB.
    std::size_t stack_size = default_stack_size;
};

namespace detail {

/// What coloop keeps for each thread.
struct Thread {
    Coroutine* current;    // null outside coroutines
    Thread* self;          // null until the thread's first coroutine is made
    Scheduler* scheduler;  // of coroutines that are created outside; null: none of a loop's
    int* error_number;     // where this thread's errno lies
    ExceptionGlobals* exceptions;
    bool has_ready;            // coroutines wait to be run that no loop will run
    Coroutine* lent;           // inside run_on_loop_stack(): whose call it is
    StackCall* calls_outside;  // innermost call_with_stack() outside coroutines
};

// Initial-exec, because a switch cannot afford the general model's call; coloop pins a coroutine to
// its thread, so it does not matter that compilers keep the address across switches.
[[gnu::tls_model("initial-exec")]] extern COLOOP_EXPORT constinit thread_local Thread thread;

}  // namespace detail

/// A function with a stack of its own, which can stop in the middle and go on later.
///
/// enter() runs it until it yields, waits or ends; then control is back with whoever entered.
/// Coroutines may enter others. This is the bare mechanism: it needs no loop. Programs that have a
/// Loop spawn their coroutines there and seldom name this class.
///
/// A Coroutine belongs to the thread that made it. It keeps its own C++ exception state, errno and
/// floating-point control state (rounding mode and the like; a new one inherits that of whoever
/// first enters it). It may be destroyed before it is first entered and after it has ended;
/// destroying a suspended one is misuse, because the objects in its frames would never be
/// destroyed: let it end, by cancelling its scope if need be. An exception that leaves the function
/// ends the program.
///
/// Modelled on QEMU's Coroutine (include/qemu/coroutine.h).
class COLOOP_EXPORT Coroutine {
public:
    /// Makes a coroutine that will call `function()`, which is moved or copied to the new stack.
    /// Does not run it. Throws Error (not enough memory) if there is no stack to be had.
    template <std::invocable Function>
    // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): it is neither copied nor moved
    explicit Coroutine(Function&& function, const CoroutineOptions& options = {})
        : Coroutine(options, room_for<Function>()) {
        put(std::forward<Function>(function));
    }

    Coroutine(const Coroutine&) = delete;
    Coroutine& operator=(const Coroutine&) = delete;

    ~Coroutine() {
        if (status_ != Status::done) [[unlikely]] {
            end_early();
        }
    }

    /// Runs the coroutine until it yields, waits or ends. It must be new or have yielded; one that
    /// waits goes on only by what it waits for. When this is the outermost enter and the thread has
    /// no loop, coroutines that were woken meanwhile run before it returns.
    void enter() {
        detail::Thread& thread = detail::thread;
        if (status_ > Status::yielded || thread_ != thread.self) [[unlikely]] {
            refuse_to_enter();
        }
        switch_in(thread);
        if ((static_cast<unsigned>(status_ == Status::done) |
             static_cast<unsigned>(thread.has_ready)) != 0) {
            after_enter();
        }
    }

    /// Gives control back to whoever entered the calling coroutine; returns at the next enter().
    /// Not a wait: cancelling does not end it.
    static void yield() {
        detail::Thread& thread = detail::thread;
        Coroutine* self = thread.current;
        if (self == nullptr) [[unlikely]] {
            refuse_to_yield();
        }
        self->status_ = Status::yielded;
        self->switch_out(thread);
    }

    /// The running coroutine; null outside.
    [[nodiscard]] static Coroutine* self() noexcept { return detail::thread.current; }

    /// True when the function has returned.
    [[nodiscard]] bool done() const noexcept { return status_ == Status::done; }

    /// The name given at creation; empty if there was none.
    [[nodiscard]] std::string_view name() const noexcept;

    /// Bytes of stack that its frames may use; inside call_with_stack(), those of that stack.
    [[nodiscard]] std::size_t stack_size() const noexcept;

private:
    friend class CancelScope;
    friend class CoMutex;
    friend class CoroutineReport;
    friend class Loop;
    friend class Scheduler;
    friend class TaskGroup;
    friend class Wait;
    friend struct CoroutineAccess;

    enum class Status : std::uint8_t {
        created,
        yielded,
        waiting,  // in a Wait
        ready,    // its Wait is settled; a scheduler has it
        entered,  // runs, or has entered another that does
        done,
    };

    /// Runs the closure if `run`, then destroys it.
    using Handler = void (*)(void* closure, bool run);

    /// What a function object takes of the stack.
    struct Room {
        std::size_t size;
        std::size_t alignment;
    };

    template <typename Function>
    static constexpr Room room_for() {
        using Closure = std::decay_t<Function>;
        return {sizeof(Closure), alignof(Closure)};
    }

    Coroutine(const CoroutineOptions& options, Room room);
    inline Coroutine(Stack& stack, const CoroutineOptions& options, Room room) noexcept;
    inline Coroutine(Stack& stack, std::byte* place, const CoroutineOptions& options,
                     Room room) noexcept;

    /// Like the public constructor, but the Coroutine lies on its own stack and is gone when it has
    /// ended. What the function object's own constructor throws, this throws.
    template <typename Function>
    static Result<Coroutine*> create(Function&& function, const CoroutineOptions& options) {
        Result<Coroutine*> coroutine = create_on_stack(options, room_for<Function>());
        if (coroutine) {
            try {
                (*coroutine)->put(std::forward<Function>(function));
            } catch (...) {
                (*coroutine)->~Coroutine();
                throw;
            }
        }
        return coroutine;
    }

    template <typename Function>
    void put(Function&& function) {
        using Closure = std::decay_t<Function>;
        ::new (closure_) Closure(std::forward<Function>(function));
        handler_ = [](void* closure, bool run) {
            struct Destroy {
                Closure& closure;

                ~Destroy() { closure.~Closure(); }
            } held{*static_cast<Closure*>(closure)};
            if (run) {
                held.closure();
            }
        };
    }

    void switch_in(detail::Thread& thread) {
        detail::store_control(runtime_.control[detail::outside]);
        caller_ = thread.current;
        thread.current = this;
        status_ = Status::entered;
        runtime_.leave(*thread.error_number, *thread.exceptions);
        detail::swap_context(context_);
        runtime_.arrive(detail::outside);
    }

    void switch_out(detail::Thread& thread) {
        detail::store_control(runtime_.control[detail::inside]);
        thread.current = caller_;
        runtime_.leave(*thread.error_number, *thread.exceptions);
        detail::swap_context(context_);
        runtime_.arrive(detail::inside);
    }

    static Result<Coroutine*> create_on_stack(const CoroutineOptions& options, Room room);
    static detail::Context* main(void* self);
    std::byte* keep_name(std::byte* place, std::string_view name) noexcept;
    void end_early();
    void end_unusually();
    void after_enter();
    void destroy_locals() noexcept;
    void release() noexcept;
    [[noreturn]] void refuse_to_enter() const noexcept;
    [[noreturn]] static void refuse_to_yield() noexcept;

    // Ordered by use, so that little of one that is not in the cache has to be fetched: a switch
    // needs what is in the first 128 bytes, and so do a wait and a wake. The runtime state comes
    // first, because an address of its own would have to be kept on the stack across each switch.
    detail::RuntimeState runtime_;
    detail::Context context_;
    detail::Thread* thread_;
    Scheduler* scheduler_;
    Coroutine* caller_;      // while it is entered
    Coroutine* next_ready_;  // while it is ready
    Wait* wait_ = nullptr;
    CancelScope* scope_ = nullptr;
    Status status_ = Status::created;
    std::uint8_t ahead_ = 0;  // how many wakes ahead of others led to this one, in a row

    std::uint32_t locks_held_ = 0;
    std::uint32_t pending_requests_ = 0;
    Stack* stack_;  // what it runs on: its own, or a call_with_stack()'s
    Handler handler_ = nullptr;
    void* closure_;
    const char* name_ = nullptr;
    LocalSlot* locals_ = nullptr;
    void* companion_ = nullptr;  // what the C API keeps for it
};

/// True inside a coroutine.
[[nodiscard]] inline bool in_coroutine() noexcept { return detail::thread.current != nullptr; }

/// Runs coroutines of this thread that were woken and that no loop will run, and those that they
/// wake; returns how many times it entered one. For code without a loop that wakes coroutines from
/// outside any of them; must be called outside, too.
COLOOP_EXPORT std::size_t run_ready();

}  // namespace coloop

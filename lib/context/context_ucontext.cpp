// SPDX-License-Identifier: MIT
//
// The portable switch, for processors without one of their own and to check the native one
// against. swapcontext() also saves the signal mask, with a system call each way.
#if defined(COLOOP_CONTEXT_UCONTEXT)

#include <cstdint>
#include <new>

#include <ucontext.h>

#include <coloop/detail/switch.hpp>

#include "context/annotate.hpp"
#include "context/outside.hpp"

namespace coloop::detail {

namespace {

/// Lies at the top of the stack; Context::stack_pointer points to it.
struct Sides {
    ucontext_t outside;
    ucontext_t inside;
    void* outside_frame;  // of the function that left the outside
    bool inside_runs;
    bool begun;
    std::byte* low;
    Context* context;
    ContextEntry entry;
    void* argument;
};

Sides& sides_of(Context& context) { return *static_cast<Sides*>(context.stack_pointer); }

/// makecontext() passes only ints.
COLOOP_NOT_INSTRUMENTED void begin(unsigned int high, unsigned int low) {
    auto& sides = *reinterpret_cast<Sides*>((static_cast<std::uintptr_t>(high) << 32) | low);
    annotate_arrival(*sides.context, nullptr);
    Context* to = sides.entry(sides.argument);
    annotate_last_leave(*to);
    sides_of(*to).inside_runs = false;
    setcontext(&sides_of(*to).outside);
}

/// Done by the first swap, so that the new side inherits the floating-point control state of
/// whoever enters it, as with the native switch.
void prepare(Sides& sides) {
    sides.begun = true;
    getcontext(&sides.inside);
    sides.inside.uc_stack.ss_sp = sides.low;
    sides.inside.uc_stack.ss_size =
        static_cast<std::size_t>(reinterpret_cast<std::byte*>(&sides) - sides.low);
    sides.inside.uc_link = nullptr;
    const auto pointer = reinterpret_cast<std::uintptr_t>(&sides);
    makecontext(&sides.inside, reinterpret_cast<void (*)()>(begin), 2,
                static_cast<unsigned int>(pointer >> 32), static_cast<unsigned int>(pointer));
}

}  // namespace

void make_context(Context& context, std::byte* low, std::byte* top, ContextEntry entry,
                  void* argument) noexcept {
    const auto address =
        reinterpret_cast<std::uintptr_t>(top - sizeof(Sides)) & ~std::uintptr_t{63};
    auto* sides = new (reinterpret_cast<void*>(address)) Sides;
    sides->inside_runs = false;
    sides->context = &context;
    sides->entry = entry;
    sides->argument = argument;
    sides->low = low;
    sides->begun = false;
    context.stack_pointer = sides;
    annotate_new(context, low, top);
}

void make_context_outside(Context& context, const Context& left, ContextEntry entry,
                          void* argument) noexcept {
    // The frame that is recorded extends below its address, by less than this.
    constexpr std::size_t distance = 4096;
    constexpr std::size_t nominal_size = std::size_t{256} << 10;
    const auto* sides = static_cast<const Sides*>(left.stack_pointer);
    std::byte* top = static_cast<std::byte*>(sides->outside_frame) - distance;
    annotate_use(top - nominal_size, top);
    make_context(context, top - nominal_size, top, entry, argument);
    annotate_shared(context, left);
}

#if defined(COLOOP_TSAN)
void discard_context(Context& context) noexcept { __tsan_destroy_fiber(context.fiber); }
#endif

[[gnu::noinline]] COLOOP_NOT_INSTRUMENTED void swap_context(Context& context) noexcept {
    Sides& sides = sides_of(context);
    if (!sides.begun) {
        prepare(sides);
    }
    ucontext_t& mine = sides.inside_runs ? sides.inside : sides.outside;
    const ucontext_t& other = sides.inside_runs ? sides.outside : sides.inside;
    if (!sides.inside_runs) {
        sides.outside_frame = __builtin_frame_address(0);
    }
    sides.inside_runs = !sides.inside_runs;
    void* fake_stack = annotate_leave(context);
    swapcontext(&mine, &other);
    annotate_arrival(context, fake_stack);
}

}  // namespace coloop::detail

#endif

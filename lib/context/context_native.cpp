// SPDX-License-Identifier: MIT
//
// How a new stack begins, and the switch with the marks that AddressSanitizer and ThreadSanitizer
// need. The switch itself is inline in coloop/detail/switch.hpp.
//
// The boot code is reached by the jump of a first swap and calls the entry function, so calls and
// returns on the new stack balance. When the entry returns, boot jumps to the side stored in the
// context it was given. Its unwind rule says that it has no caller: debuggers, backtrace() and
// exceptions end there.
#if !defined(COLOOP_CONTEXT_UCONTEXT)

#include <new>

#include <coloop/detail/switch.hpp>

#include "context/annotate.hpp"
#include "context/outside.hpp"

extern "C" void coloop_context_boot() noexcept;

// clang-format off
#if defined(__x86_64__)
asm(R"(
    .pushsection .text
    .globl coloop_context_boot
    .hidden coloop_context_boot
    .type coloop_context_boot, @function
    .balign 16
coloop_context_boot:
    .cfi_startproc
    .cfi_undefined rip
    endbr64
    movq 0(%rsp), %rdi
    call *8(%rsp)
    movq 0(%rax), %rsp
    movq 8(%rax), %rbp
    movq 16(%rax), %rbx
    jmp *24(%rax)
    .cfi_endproc
    .size coloop_context_boot, . - coloop_context_boot
    .popsection
)");
#elif defined(__aarch64__)
asm(R"(
    .pushsection .text
    .globl coloop_context_boot
    .hidden coloop_context_boot
    .type coloop_context_boot, %function
    .balign 16
coloop_context_boot:
    .cfi_startproc
    .cfi_undefined x30
    hint #36
    ldp x0, x1, [sp]
    blr x1
    ldp x9, x29, [x0]
    ldp x19, x16, [x0, #16]
    mov sp, x9
    br x16
    .cfi_endproc
    .size coloop_context_boot, . - coloop_context_boot
    .popsection
)");
#endif
// clang-format on

namespace coloop::detail {

namespace {

/// What boot finds at its stack pointer; the zero below which no frame lies ends naive walks.
struct alignas(16) BootFrame {
    void* argument;
    ContextEntry call;
    void* end_of_frames[2];
};

#if defined(COLOOP_ASAN) || defined(COLOOP_TSAN)
/// What call_annotated() finds right above.
struct alignas(16) AnnotatedFrame {
    BootFrame boot;
    Context* context;
    ContextEntry entry;
    void* argument;
};

/// Not instrumented: when it returns, the sanitizers already count its stack as left.
COLOOP_NOT_INSTRUMENTED Context* call_annotated(void* argument) {
    auto& frame = *static_cast<AnnotatedFrame*>(argument);
    annotate_arrival(*frame.context, nullptr);
    Context* to = frame.entry(frame.argument);
    annotate_last_leave(*to);
    return to;
}
#endif

template <typename Frame>
void* place_below(std::byte* top) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(top - sizeof(Frame));
    return reinterpret_cast<void*>(address & ~(alignof(Frame) - 1));
}

}  // namespace

void make_context(Context& context, std::byte* low, std::byte* top, ContextEntry entry,
                  void* argument) noexcept {
#if defined(COLOOP_ASAN) || defined(COLOOP_TSAN)
    auto* frame = new (place_below<AnnotatedFrame>(top))
        AnnotatedFrame{{nullptr, call_annotated, {}}, &context, entry, argument};
    frame->boot.argument = frame;
#else
    auto* frame = new (place_below<BootFrame>(top)) BootFrame{argument, entry, {}};
#endif
    context.stack_pointer = frame;
    context.frame_pointer = nullptr;
    context.base_pointer = nullptr;
    context.resume_address = reinterpret_cast<void*>(coloop_context_boot);
    annotate_new(context, low, top);
}

void make_context_outside(Context& context, const Context& left, ContextEntry entry,
                          void* argument) noexcept {
    // Leaf functions may use a red zone below the stack pointer; the rest is for good measure.
    constexpr std::size_t distance = 1024;
    constexpr std::size_t nominal_size = std::size_t{256} << 10;
    std::byte* top = static_cast<std::byte*>(left.stack_pointer) - distance;
    annotate_use(top - nominal_size, top);
    make_context(context, top - nominal_size, top, entry, argument);
    annotate_shared(context, left);
}

#if defined(COLOOP_TSAN)
void discard_context(Context& context) noexcept { __tsan_destroy_fiber(context.fiber); }
#endif

#if defined(COLOOP_ASAN) || defined(COLOOP_TSAN)
[[gnu::noinline]] COLOOP_NOT_INSTRUMENTED void swap_context(Context& context) noexcept {
    void* fake_stack = annotate_leave(context);
    jump_context(context);
    annotate_arrival(context, fake_stack);
}
#endif

}  // namespace coloop::detail

#endif

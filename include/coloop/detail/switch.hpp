// SPDX-License-Identifier: MIT
//
// The switch from one stack to another, inline, because that is where its price is decided: the
// compiler then saves only what lives across it, and a jump instead of a return leaves the
// processor's return-address prediction intact (an out-of-line switch costs several times more).
//
// A Context is the place where the side that is *not* running goes on. swap_context() stores the
// running side in it and continues the stored one, so each pair of sides needs only one.
#pragma once

#include <cstddef>
#include <cstdint>

#include <coloop/export.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define COLOOP_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COLOOP_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define COLOOP_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COLOOP_TSAN 1
#endif
#endif

namespace coloop::detail {

struct Context {
    void* stack_pointer;
    void* frame_pointer;
    void* base_pointer;  // compilers reserve one more register in functions that realign the stack
    void* resume_address;
#if defined(COLOOP_ASAN)
    const void* stack_low;  // the stack of the side that is not running
    std::size_t stack_size;
#endif
#if defined(COLOOP_TSAN)
    void* fiber;  // the side that is not running
#endif
};

/// Runs on the new stack; returns the context whose stored side goes on when it is done.
using ContextEntry = Context* (*)(void* argument);

/// Prepares `context` so that the first swap calls `entry(argument)` on the stack that ends below
/// `top` and starts at `low`.
COLOOP_EXPORT void make_context(Context& context, std::byte* low, std::byte* top,
                                ContextEntry entry, void* argument) noexcept;

/// Must be called for each context whose entry has returned or was never called.
#if defined(COLOOP_TSAN)
COLOOP_EXPORT void discard_context(Context& context) noexcept;
#else
inline void discard_context(Context& /*context*/) noexcept {}
#endif

#if defined(COLOOP_CONTEXT_UCONTEXT) || defined(COLOOP_ASAN) || defined(COLOOP_TSAN)

COLOOP_EXPORT void swap_context(Context& context) noexcept;

#define COLOOP_SWAP_OUT_OF_LINE 1
#endif

#if defined(COLOOP_CONTEXT_UCONTEXT)

// swapcontext() keeps the floating-point control state itself.
struct FloatingPointControl {};

inline void store_control(FloatingPointControl& /*mine*/) noexcept {}

inline bool control_differs(const FloatingPointControl& /*mine*/,
                            const FloatingPointControl& /*now*/) noexcept {
    return false;
}

inline void load_control(const FloatingPointControl& /*mine*/,
                         const FloatingPointControl& /*now*/) noexcept {}

#elif defined(__x86_64__)

struct FloatingPointControl {
    std::uint32_t mxcsr;
    std::uint16_t x87;
};

inline void store_control(FloatingPointControl& mine) noexcept {
    asm volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mine.mxcsr), "=m"(mine.x87));
}

// The low six bits of MXCSR.
inline constexpr std::uint32_t sticky_flags = 0x3f;

/// Only the control bits belong to a coroutine; the sticky exception flags stay what they are.
/// Loading them when they differ would cost 50 ns a switch.
inline bool control_differs(const FloatingPointControl& mine,
                            const FloatingPointControl& now) noexcept {
    return ((mine.mxcsr ^ now.mxcsr) & ~sticky_flags) != 0 || mine.x87 != now.x87;
}

inline void load_control(const FloatingPointControl& mine,
                         const FloatingPointControl& now) noexcept {
    const std::uint32_t mxcsr = (mine.mxcsr & ~sticky_flags) | (now.mxcsr & sticky_flags);
    asm volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(mine.x87));
}

#if defined(__AVX512F__)
#define COLOOP_CLOBBER_AVX512                                                                     \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",   \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", \
        "k7"
#else
#define COLOOP_CLOBBER_AVX512
#endif
#if defined(__CET__)
#define COLOOP_LANDING "endbr64\n\t"
#else
#define COLOOP_LANDING ""
#endif
// Between the moment the stack pointer changes and the jump, an unwinder (in a profiler's signal
// handler, say) must not read the new stack by this function's rules.
#if defined(__GCC_HAVE_DWARF2_CFI_ASM) || defined(__clang__)
#define COLOOP_CFI_HIDE ".cfi_remember_state\n\t.cfi_undefined rip\n\t"
#define COLOOP_CFI_SHOW ".cfi_restore_state\n\t"
#else
#define COLOOP_CFI_HIDE ""
#define COLOOP_CFI_SHOW ""
#endif

[[gnu::always_inline]] inline void jump_context(Context& context) noexcept {
    Context* place = &context;
    asm volatile(
        "movq 0(%[place]), %%rcx\n\t"
        "movq 8(%[place]), %%rdx\n\t"
        "movq 16(%[place]), %%rsi\n\t"
        "movq 24(%[place]), %%r8\n\t"
        "leaq 1f(%%rip), %%rax\n\t"
        "movq %%rsp, 0(%[place])\n\t"
        "movq %%rbp, 8(%[place])\n\t"
        "movq %%rbx, 16(%[place])\n\t"
        "movq %%rax, 24(%[place])\n\t" COLOOP_CFI_HIDE
        "movq %%rcx, %%rsp\n\t"
        "movq %%rdx, %%rbp\n\t"
        "movq %%rsi, %%rbx\n\t"
        "jmp *%%r8\n\t" COLOOP_CFI_SHOW "1: " COLOOP_LANDING
        : [place] "+D"(place)
        :
        : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0",
          "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
          "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",
          "st(6)", "st(7)" COLOOP_CLOBBER_AVX512, "cc", "memory");
}

#undef COLOOP_CLOBBER_AVX512
#undef COLOOP_LANDING
#undef COLOOP_CFI_HIDE
#undef COLOOP_CFI_SHOW

#elif defined(__aarch64__)

struct FloatingPointControl {
    std::uint64_t fpcr;
};

inline void store_control(FloatingPointControl& mine) noexcept {
    asm volatile("mrs %0, fpcr" : "=r"(mine.fpcr));
}

inline bool control_differs(const FloatingPointControl& mine,
                            const FloatingPointControl& now) noexcept {
    return mine.fpcr != now.fpcr;
}

inline void load_control(const FloatingPointControl& mine,
                         const FloatingPointControl& /*now*/) noexcept {
    asm volatile("msr fpcr, %0" : : "r"(mine.fpcr));
}

#if defined(__GCC_HAVE_DWARF2_CFI_ASM) || defined(__clang__)
#define COLOOP_CFI_HIDE ".cfi_remember_state\n\t.cfi_undefined x30\n\t"
#define COLOOP_CFI_SHOW ".cfi_restore_state\n\t"
#else
#define COLOOP_CFI_HIDE ""
#define COLOOP_CFI_SHOW ""
#endif

[[gnu::always_inline]] inline void jump_context(Context& context) noexcept {
    register Context* place asm("x0") = &context;
    asm volatile(
        "ldp x9, x10, [%[place]]\n\t"
        "ldp x11, x16, [%[place], #16]\n\t"
        "adr x12, 1f\n\t"
        "mov x13, sp\n\t"
        "stp x13, x29, [%[place]]\n\t"
        "stp x19, x12, [%[place], #16]\n\t" COLOOP_CFI_HIDE
        "mov sp, x9\n\t"
        "mov x29, x10\n\t"
        "mov x19, x11\n\t"
        "br x16\n\t" COLOOP_CFI_SHOW
        "1: hint #36\n\t"  // bti j: a landing place where branch targets are checked, else nothing
        : [place] "+r"(place)
        :
        : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
          "x15", "x16", "x17", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30",
          "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",
          "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26",
          "v27", "v28", "v29", "v30", "v31", "cc", "memory");
}

#undef COLOOP_CFI_HIDE
#undef COLOOP_CFI_SHOW

#else
#error "This processor has no switch of its own: configure with -DCOLOOP_CONTEXT=ucontext."
#endif

#if !defined(COLOOP_SWAP_OUT_OF_LINE)
[[gnu::always_inline]] inline void swap_context(Context& context) noexcept {
    jump_context(context);
}
#endif

#undef COLOOP_SWAP_OUT_OF_LINE

/// The C++ runtime's per-thread exception state, as the Itanium C++ ABI lays it out.
struct ExceptionGlobals {
    void* caught;
    unsigned int uncaught;
};

enum Side : bool { outside, inside };

/// What the processor and the language runtimes keep once per thread and coloop keeps once per
/// coroutine. What is seldom needed is not inline, so that it takes no register of what is.
struct RuntimeState {
    // Of both sides: each stores its own first thing when it leaves and looks at both when it is
    // back, because reading a store of that kind right away would stall.
    FloatingPointControl control[2];

    // Like a Context, these belong to the side that is not running.
    int error_number;
    unsigned int has_exceptions;  // 1 if there is anything in the next, which is else not looked at
    ExceptionGlobals exceptions;

    /// To be called before leaving, some time after store_control().
    void leave(int& errno_now, ExceptionGlobals& now) noexcept {
        const int error = errno_now;
        errno_now = error_number;
        error_number = error;
        if ((reinterpret_cast<std::uintptr_t>(now.caught) | (now.uncaught | has_exceptions)) != 0)
            [[unlikely]] {
            exchange_exceptions(now);
        }
    }

    /// To be called on `side` when it is back.
    void arrive(Side side) noexcept {
        if (control_differs(control[side], control[!side])) [[unlikely]] {
            load(side);
        }
    }

    [[gnu::noinline, gnu::cold]] void load(Side side) const noexcept {
        load_control(control[side], control[!side]);
    }

    [[gnu::noinline, gnu::cold]] void exchange_exceptions(ExceptionGlobals& now) noexcept {
        const ExceptionGlobals mine = now;
        now = has_exceptions != 0 ? exceptions : ExceptionGlobals{};
        exceptions = mine;
        has_exceptions = mine.caught != nullptr || mine.uncaught != 0 ? 1 : 0;
    }
};

}  // namespace coloop::detail

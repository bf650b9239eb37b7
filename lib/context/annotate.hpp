// SPDX-License-Identifier: MIT
//
// What AddressSanitizer and ThreadSanitizer must be told of each switch. Without it the first
// mistakes one stack for another and reports nonsense, and the second sees races between coroutines
// of one thread. All of it is empty in builds without them. Valgrind finds out by itself, once it
// knows the stacks (slab.cpp).
#pragma once

#include <coloop/detail/switch.hpp>

#if defined(COLOOP_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(COLOOP_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif

#if defined(__clang__)
#define COLOOP_NOT_INSTRUMENTED [[clang::disable_sanitizer_instrumentation]]
#else
#define COLOOP_NOT_INSTRUMENTED [[gnu::no_sanitize("address", "thread")]]
#endif

namespace coloop::detail {

inline void annotate_new([[maybe_unused]] Context& context, [[maybe_unused]] std::byte* low,
                         [[maybe_unused]] std::byte* top) noexcept {
#if defined(COLOOP_ASAN)
    context.stack_low = low;
    context.stack_size = static_cast<std::size_t>(top - low);
#endif
#if defined(COLOOP_TSAN)
    context.fiber = __tsan_create_fiber(0);
#endif
}

/// Call before the free end of a stack is written to from another one: Valgrind takes what lies
/// below a stack pointer for out of bounds.
inline void annotate_use([[maybe_unused]] std::byte* low,
                         [[maybe_unused]] std::byte* top) noexcept {
#if defined(VALGRIND_MAKE_MEM_UNDEFINED)
    static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(low, top - low));
#endif
}

/// Call for a guard that looks like memory to whoever reads the process's map: the leak search of
/// Valgrind would trip over each of its words.
inline void annotate_guard([[maybe_unused]] std::byte* low,
                           [[maybe_unused]] std::size_t size) noexcept {
#if defined(VALGRIND_MAKE_MEM_NOACCESS)
    static_cast<void>(VALGRIND_MAKE_MEM_NOACCESS(low, size));
#endif
}

/// Like annotate_new(), where the new context shares the stack of the side stored in `left`; call
/// it after that.
inline void annotate_shared([[maybe_unused]] Context& context,
                            [[maybe_unused]] const Context& left) noexcept {
#if defined(COLOOP_ASAN)
    context.stack_low = left.stack_low;
    context.stack_size = left.stack_size;
#endif
}

/// Call right before the running side leaves; give the result to annotate_arrival().
[[gnu::always_inline]] inline void* annotate_leave([[maybe_unused]] Context& context) noexcept {
    void* fake_stack = nullptr;
#if defined(COLOOP_ASAN)
    __sanitizer_start_switch_fiber(&fake_stack, context.stack_low, context.stack_size);
#endif
#if defined(COLOOP_TSAN)
    void* to = context.fiber;
    context.fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to, 0);
#endif
    return fake_stack;
}

/// The same for a side that never comes back.
[[gnu::always_inline]] inline void annotate_last_leave([[maybe_unused]] Context& context) noexcept {
#if defined(COLOOP_ASAN)
    __sanitizer_start_switch_fiber(nullptr, context.stack_low, context.stack_size);
#endif
#if defined(COLOOP_TSAN)
    void* to = context.fiber;
    context.fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to, 0);
#endif
}

/// Call first thing after a side has gone on; null if it has just begun.
[[gnu::always_inline]] inline void annotate_arrival([[maybe_unused]] Context& context,
                                                    [[maybe_unused]] void* fake_stack) noexcept {
#if defined(COLOOP_ASAN)
    __sanitizer_finish_switch_fiber(fake_stack, &context.stack_low, &context.stack_size);
#endif
}

}  // namespace coloop::detail

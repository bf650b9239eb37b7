// SPDX-License-Identifier: MIT
#include "context/slab.hpp"

#include <cstdint>
#include <new>
#include <utility>

#include <sys/mman.h>

#include <coloop/detail/switch.hpp>

#include "context/guard.hpp"
#include "context/stack.hpp"

#if defined(COLOOP_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

namespace coloop {

namespace {

// Stacks whose tops lay at the same offset of their pages would compete for the same few sets of
// the first-level cache; each is moved down by its own number of cache lines. The last lines of the
// page are left out, so that a shallow coroutine still fits one page.
constexpr std::size_t colours = 40;
constexpr std::size_t line = 64;

#if !defined(MAP_NORESERVE)
#define MAP_NORESERVE 0
#endif
#if !defined(MAP_STACK)
#define MAP_STACK 0
#endif

std::uintptr_t slot_of(const void* place, std::size_t span) noexcept {
    return reinterpret_cast<std::uintptr_t>(place) & ~(span - 1);
}

void introduce(std::byte* low, std::byte* top) noexcept {
    // A pooled stack may hold the only pointer to a living object.
#if defined(COLOOP_ASAN)
    __lsan_register_root_region(low, static_cast<std::size_t>(top - low));
#endif
#if defined(VALGRIND_STACK_REGISTER)
    static_cast<void>(VALGRIND_STACK_REGISTER(low, top));
#endif
    static_cast<void>(low);
    static_cast<void>(top);
}

}  // namespace

Slab::Slab(Slab&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      span_(other.span_),
      count_(std::exchange(other.count_, 0)),
      used_(std::exchange(other.used_, 0)),
      mappings_(std::exchange(other.mappings_, 0)) {}

Slab::~Slab() {
    if (base_ == nullptr) {
        return;
    }
#if defined(COLOOP_ASAN)
    for (std::size_t i = 0; i < used_; ++i) {
        std::byte* top = base_ + (i + 1) * span_;
        std::byte* low = top - span_ + guard_size(span_);
        __lsan_unregister_root_region(low, static_cast<std::size_t>(top - low));
    }
    __asan_unpoison_memory_region(base_, span_ * count_);
#endif
    munmap(base_, span_ * count_);
    return_guard_mappings(mappings_);
}

bool Slab::reserve(std::size_t span, std::size_t count) noexcept {
    // Aligned to the span, so that a stack's place follows from any address in it.
    const std::size_t bytes = span * count;
    void* memory = mmap(nullptr, bytes + span, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    auto* first = static_cast<std::byte*>(memory);
    const std::size_t before = (span - reinterpret_cast<std::uintptr_t>(first) % span) % span;
    if (before != 0) {
        munmap(first, before);
    }
    munmap(first + before + bytes, span - before);
    base_ = first + before;
    span_ = span;
    count_ = count;
#if defined(MADV_NOHUGEPAGE)
    madvise(base_, bytes, MADV_NOHUGEPAGE);
#endif
    return true;
}

Stack* Slab::next(StackPool& pool) noexcept {
    std::byte* slot = base_ + used_ * span_;
    const auto guard = install_guard(slot, guard_size(span_));
    if (!guard.installed) {
        return nullptr;
    }
    mappings_ += guard.mappings;
    introduce(slot + guard_size(span_), slot + span_);
    return make_stack(at(used_++), span_, pool);
}

Stack* Slab::at(std::size_t index) const noexcept {
    std::byte* top = base_ + (index + 1) * span_;
    return reinterpret_cast<Stack*>(top - sizeof(Stack) - line * (index % colours));
}

Stack* make_stack(void* place, std::size_t span, StackPool& pool) noexcept {
    auto* slot = reinterpret_cast<std::byte*>(slot_of(place, span));
    return new (place) Stack{slot + guard_size(span), &pool, nullptr};
}

void release_memory(Stack& stack, std::size_t span) noexcept {
    auto* low = reinterpret_cast<std::byte*>(slot_of(&stack, span)) + guard_size(span);
#if defined(COLOOP_ASAN)
    __asan_unpoison_memory_region(low, span - guard_size(span));
#endif
    madvise(low, span - guard_size(span), MADV_DONTNEED);
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>

namespace coloop {

class StackPool;

/// The memory a coroutine runs on. This record lies at the top of that memory, so that taking a
/// stack touches no other page; frames and whatever the user puts first lie below it.
struct alignas(64) Stack {
    std::byte* low;   ///< lowest usable byte; below it is the guard
    StackPool* pool;  ///< where it goes back to
    void* owner;      ///< who runs on it; null while it is free

    [[nodiscard]] std::byte* top() noexcept { return reinterpret_cast<std::byte*>(this); }

    [[nodiscard]] std::size_t size() const noexcept {
        return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(this) - low);
    }

    /// What it takes of the address space.
    [[nodiscard]] std::size_t span() const noexcept { return std::bit_ceil(size()); }
};

/// A stack of the calling thread's pools that takes `size` bytes of address space, its guard
/// included; sizes are rounded up to a power of two from 16 KiB on. Null when the system has no
/// memory, address space or guard left: a stack without a guard is never handed out.
Stack* take_stack(std::size_t size) noexcept;

/// Gives a stack back to the pool it came from, on the thread it was taken on.
void give_stack(Stack& stack) noexcept;

/// Returns the memory of stacks that have long been unused to the system, a bounded part of it
/// (about a millisecond's work). True if there is more to return.
bool trim_stacks() noexcept;

/// Calls `visit(stack, context)` for each stack of the calling thread that has an owner.
void for_each_stack(void (*visit)(Stack& stack, void* context), void* context);

struct StackUsage {
    std::size_t in_use;  ///< taken and not given back
    std::size_t pooled;  ///< free, with their memory kept
};

/// Figures of the calling thread's pools.
StackUsage stack_usage() noexcept;

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace coloop {

struct Stack;
class StackPool;

/// A reserved range of address space, cut into equal stacks. Memory is committed as it is touched,
/// never in huge pages (one of them holds hundreds of stack tops), and each stack gets its guard
/// when it is first handed out.
///
/// Guards are markers in the page tables where the kernel has them (MADV_GUARD_INSTALL, Linux
/// 6.13) and cost no mapping; elsewhere each is a mprotect() that splits the slab's mapping, and
/// those are counted against a share of vm.max_map_count, because a process that reaches that
/// limit can't even allocate any more.
class Slab {
public:
    Slab() = default;
    Slab(Slab&& other) noexcept;
    Slab& operator=(Slab&&) = delete;
    ~Slab();

    /// Reserves room for `count` stacks of `span` bytes; false if the system refuses.
    bool reserve(std::size_t span, std::size_t count) noexcept;

    [[nodiscard]] bool full() const noexcept { return used_ == count_; }

    /// The next stack that was never handed out, or null if it can't be guarded.
    Stack* next(StackPool& pool) noexcept;

    /// Stacks handed out so far, and the i-th of them. A stack whose memory was returned to the
    /// system reads as zeroes.
    [[nodiscard]] std::size_t used() const noexcept { return used_; }

    [[nodiscard]] Stack* at(std::size_t index) const noexcept;

private:
    std::byte* base_ = nullptr;
    std::size_t span_ = 0;
    std::size_t count_ = 0;
    std::size_t used_ = 0;
    std::size_t mappings_ = 0;
};

/// Writes the record of the stack at `place`, whose slab is aligned to `span`.
Stack* make_stack(void* place, std::size_t span, StackPool& pool) noexcept;

/// Returns a free stack's memory, its record included, to the system. The guard stays.
void release_memory(Stack& stack, std::size_t span) noexcept;

}  // namespace coloop

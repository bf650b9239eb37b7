// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "context/slab.hpp"
#include "context/stack.hpp"

namespace coloop {

/// The stacks of one size of one thread.
///
/// Free ones are reused newest first, while their tops are still in the cache. The pool grows with
/// demand without limit, for a pool smaller than the working set costs a factor of a hundred; what
/// stays unused gives its memory back step by step.
class StackPool {
public:
    explicit StackPool(std::size_t span) noexcept : span_(span) {}

    Stack* take() noexcept {
        if (free_.size() > cold_) [[likely]] {
            Stack* stack = free_.back();
            free_.pop_back();
            lowest_warm_ = std::min(lowest_warm_, warm());
            ++in_use_;
            return stack;
        }
        return take_cold();
    }

    void give(Stack& stack) noexcept {
        stack.owner = nullptr;
        free_.push_back(&stack);  // never allocates: take_cold() made room
        --in_use_;
        if (++gives_ % gives_per_trim == 0) [[unlikely]] {
            trim(few);
        }
    }

    /// Returns the memory of at most `limit` stacks that were not used since the last call.
    /// True if there are more of them.
    bool trim(std::size_t limit) noexcept;

    [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }

    [[nodiscard]] std::size_t warm() const noexcept { return free_.size() - cold_; }

    void for_each_in_use(void (*visit)(Stack& stack, void* context), void* context) const;

private:
    static constexpr std::size_t gives_per_trim = 1024;
    static constexpr std::size_t few = 64;
    static constexpr std::size_t always_kept = 64;

    Stack* take_cold() noexcept;
    bool grow() noexcept;
    void reserve_free(std::size_t more);

    std::vector<Stack*> free_;  // the first cold_ of them have no memory, not even a record
    std::size_t cold_ = 0;
    std::size_t lowest_warm_ = 0;
    std::size_t in_use_ = 0;
    std::size_t total_ = 0;
    std::size_t gives_ = 0;
    std::size_t span_;
    std::size_t next_slab_count_ = 16;
    std::vector<Slab> slabs_;
};

}  // namespace coloop

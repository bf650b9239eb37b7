// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
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
        if (top_ == cold_) [[unlikely]] {
            return take_cold();
        }
        --top_;
        lowest_ = std::min(lowest_, top_);
        return *top_;
    }

    void give(Stack& stack) noexcept {
        stack.owner = nullptr;
        *top_++ = &stack;  // take_cold() made room
        if (--until_trim_ == 0) [[unlikely]] {
            until_trim_ = gives_per_trim;
            trim(few);
        }
    }

    /// Returns the memory of at most `limit` stacks that were not used since the last call.
    /// True if there are more of them.
    bool trim(std::size_t limit) noexcept;

    [[nodiscard]] std::size_t in_use() const noexcept {
        return made_ - static_cast<std::size_t>(top_ - free_.get());
    }

    [[nodiscard]] std::size_t warm() const noexcept {
        return static_cast<std::size_t>(top_ - cold_);
    }

    void for_each_in_use(void (*visit)(Stack& stack, void* context), void* context) const;

private:
    static constexpr std::size_t gives_per_trim = 1024;
    static constexpr std::size_t few = 64;
    static constexpr std::size_t always_kept = 64;

    Stack* take_cold() noexcept;
    bool grow() noexcept;
    void reserve_free(std::size_t more);

    // Free stacks, the next one to take last; below cold_ are those that have no memory, not even a
    // record, and below lowest_ those that nobody needed since the last trim.
    std::unique_ptr<Stack*[]> free_;
    Stack** top_ = nullptr;
    Stack** cold_ = nullptr;
    Stack** lowest_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t total_ = 0;  // room in all slabs
    std::size_t made_ = 0;   // stacks that were ever taken
    std::size_t until_trim_ = gives_per_trim;
    std::size_t span_;
    std::size_t next_slab_count_ = 16;
    std::vector<Slab> slabs_;
};

/// The calling thread's pool that was asked for last: mostly it is the one that is asked for next.
struct LatestPool {
    std::size_t size;
    StackPool* pool;
};

extern constinit thread_local LatestPool latest_pool;

/// What take_stack() and give_stack() are, for those who can't afford the call.
inline Stack* take_stack_now(std::size_t size) noexcept {
    return latest_pool.size == size ? latest_pool.pool->take() : take_stack(size);
}

inline void give_stack_now(Stack& stack) noexcept { stack.pool->give(stack); }

}  // namespace coloop

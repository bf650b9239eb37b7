// SPDX-License-Identifier: MIT
#include "context/stack_pool.hpp"

#include <bit>
#include <memory>
#include <new>

namespace coloop {

namespace {

constexpr std::size_t smallest_span = std::size_t{16} << 10;
constexpr std::size_t largest_span = std::size_t{1} << 30;
constexpr std::size_t largest_slab = std::size_t{1} << 30;
constexpr std::size_t most_per_slab = 1024;
constexpr std::size_t span_count = std::bit_width(largest_span) - std::bit_width(smallest_span) + 1;

/// The pools of one thread, by the binary logarithm of their span.
struct Pools {
    std::unique_ptr<StackPool> by_span[span_count];

    template <typename Visit>
    void for_each(Visit visit) const {
        for (const auto& pool : by_span) {
            if (pool) {
                visit(*pool);
            }
        }
    }
};

// Two variables, so that the one in the hot path needs no check whether it is initialised.
constinit thread_local Pools* pools = nullptr;

/// Frees the pools at the end of the thread, unless a coroutine is still suspended on one of their
/// stacks: the objects in its frames are somebody's, so they are left alone.
struct PoolsOwner {
    ~PoolsOwner() {
        std::size_t in_use = 0;
        pools->for_each([&](const StackPool& pool) { in_use += pool.in_use(); });
        if (in_use == 0) {
            delete pools;
            pools = nullptr;
            latest_pool = {};
        }
    }
};

StackPool* pool_for(std::size_t size) noexcept {
    if (size > largest_span) {
        return nullptr;
    }
    const std::size_t span = std::bit_ceil(std::max(size, smallest_span));
    const auto index =
        static_cast<std::size_t>(std::bit_width(span) - std::bit_width(smallest_span));
    if (pools == nullptr) [[unlikely]] {
        pools = new (std::nothrow) Pools;
        if (pools == nullptr) {
            return nullptr;
        }
        static thread_local PoolsOwner owner;
        static_cast<void>(owner);
    }
    auto& pool = pools->by_span[index];
    if (!pool) [[unlikely]] {
        pool.reset(new (std::nothrow) StackPool(span));
    }
    return pool.get();
}

}  // namespace

constinit thread_local LatestPool latest_pool{};

/// Keeps give() free of allocation, and grows in steps that amortise.
void StackPool::reserve_free(std::size_t more) {
    if (capacity_ < total_ + more) {
        const std::size_t capacity = std::max(total_ + more, capacity_ * 2);
        auto larger = std::make_unique_for_overwrite<Stack*[]>(capacity);
        Stack** end = std::copy(free_.get(), top_, larger.get());
        cold_ = larger.get() + (cold_ - free_.get());
        lowest_ = larger.get() + (lowest_ - free_.get());
        top_ = end;
        free_ = std::move(larger);
        capacity_ = capacity;
    }
    total_ += more;
}

bool StackPool::grow() noexcept {
    if (!slabs_.empty() && !slabs_.back().full()) {
        return true;
    }
    const std::size_t most =
        std::min(most_per_slab, std::max<std::size_t>(largest_slab / span_, 1));
    try {
        slabs_.reserve(slabs_.size() + 1);
        // A process with little address space left gets a smaller slab.
        for (std::size_t count = std::min(next_slab_count_, most); count > 0; count /= 2) {
            Slab slab;
            if (slab.reserve(span_, count)) {
                reserve_free(count);
                slabs_.push_back(std::move(slab));
                next_slab_count_ = count * 2;
                return true;
            }
        }
    } catch (const std::bad_alloc&) {
        return false;
    }
    return false;
}

/// To be called when no warm one is left.
Stack* StackPool::take_cold() noexcept {
    Stack* stack = nullptr;
    if (cold_ != free_.get()) {
        stack = make_stack(cold_[-1], span_, *this);
        top_ = --cold_;
    } else if (grow()) {
        stack = slabs_.back().next(*this);
        made_ += stack != nullptr ? 1 : 0;
    }
    lowest_ = cold_;
    return stack;
}

bool StackPool::trim(std::size_t limit) noexcept {
    const auto unused = static_cast<std::size_t>(lowest_ - cold_);
    const std::size_t count = std::min(unused > always_kept ? unused - always_kept : 0, limit);
    for (std::size_t i = 0; i < count; ++i) {
        release_memory(**cold_++, span_);
    }
    lowest_ = top_;
    return warm() > always_kept;
}

void StackPool::for_each_in_use(void (*visit)(Stack& stack, void* context), void* context) const {
    for (const Slab& slab : slabs_) {
        for (std::size_t i = 0; i < slab.used(); ++i) {
            if (slab.at(i)->owner != nullptr) {
                visit(*slab.at(i), context);
            }
        }
    }
}

Stack* take_stack(std::size_t size) noexcept {
    if (size != latest_pool.size) {
        StackPool* pool = pool_for(size);
        if (pool == nullptr) {
            return nullptr;
        }
        latest_pool = {size, pool};
    }
    return latest_pool.pool->take();
}

void give_stack(Stack& stack) noexcept { give_stack_now(stack); }

bool trim_stacks() noexcept {
    constexpr std::size_t about_a_millisecond = 1024;
    bool more = false;
    if (pools != nullptr) {
        pools->for_each([&](StackPool& pool) { more |= pool.trim(about_a_millisecond); });
    }
    return more;
}

void for_each_stack(void (*visit)(Stack& stack, void* context), void* context) {
    if (pools != nullptr) {
        pools->for_each([&](const StackPool& pool) { pool.for_each_in_use(visit, context); });
    }
}

StackUsage stack_usage() noexcept {
    StackUsage usage{};
    if (pools != nullptr) {
        pools->for_each([&](const StackPool& pool) {
            usage.in_use += pool.in_use();
            usage.pooled += pool.warm();
        });
    }
    return usage;
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
//
// Locks for parts of a disk: requests that overlap wait for each other, others don't.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include <coloop/coloop.hpp>

namespace nbd {

/// Reading shares a range, writing has it alone. A disk is cut into stripes, which take turns at 64
/// fair locks; a range takes those of its stripes in ascending order, so that two can't block each
/// other.
class RangeLocks {
public:
    enum class Access : bool { shared, exclusive };

    /// Gives back what it has when it is destroyed.
    class Guard {
    public:
        Guard(RangeLocks& owner, Access access) noexcept : owner_(owner), access_(access) {}

        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

        ~Guard() {
            for (; held_ != 0; held_ &= held_ - 1) {
                CoRwlock& lock = owner_.first_of(held_);
                access_ == Access::exclusive ? lock.unlock() : lock.unlock_shared();
            }
        }

        /// Waits for its turn; to be called once.
        void lock(std::uint64_t offset, std::uint64_t length) {
            for (std::uint64_t rest = stripes_of(offset, length); rest != 0; rest &= rest - 1) {
                CoRwlock& lock = owner_.first_of(rest);
                access_ == Access::exclusive ? lock.lock() : lock.lock_shared();
                held_ |= rest & ~(rest - 1);
            }
        }

    private:
        RangeLocks& owner_;
        Access access_;
        std::uint64_t held_ = 0;  // a bit for each lock
    };

private:
    using CoRwlock = coloop::CoRwlock;

    static constexpr std::uint64_t stripe = std::uint64_t{1} << 20;

    static std::uint64_t stripes_of(std::uint64_t offset, std::uint64_t length) noexcept {
        const std::uint64_t first = offset / stripe;
        const std::uint64_t last = (offset + std::max<std::uint64_t>(length, 1) - 1) / stripe;
        if (last - first >= 63) {
            return ~std::uint64_t{0};
        }
        return std::rotl((std::uint64_t{2} << (last - first)) - 1, static_cast<int>(first % 64));
    }

    CoRwlock& first_of(std::uint64_t set) noexcept {
        return locks_[static_cast<std::size_t>(std::countr_zero(set))];
    }

    std::array<CoRwlock, 64> locks_;
};

}  // namespace nbd

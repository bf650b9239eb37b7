// SPDX-License-Identifier: MIT
#include <coloop/coroutine.hpp>
#include <coloop/select.hpp>

#include "base/misuse.hpp"

namespace coloop {

namespace {

constinit thread_local std::uint64_t chance = 0;

/// splitmix64: small, fast and good enough to be fair.
std::uint64_t next_random() noexcept {
    std::uint64_t z = chance += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

}  // namespace

void seed_select(std::uint64_t seed) noexcept { chance = seed; }

std::size_t detail::choose(const bool* ready, std::size_t count) noexcept {
    std::size_t chosen = count;
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (ready[i] && (++found == 1 || next_random() % found == 0)) {
            chosen = i;
        }
    }
    return chosen;
}

void detail::require_one(bool enabled) noexcept {
    if (!enabled) [[unlikely]] {
        misuse("select: none of its cases is enabled, so it would wait for ever; add otherwise()");
    }
}

}  // namespace coloop

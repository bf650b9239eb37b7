// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>

#include "bench.hpp"

namespace bench {

constexpr std::size_t block_size = 4096;
constexpr long block_count = 4096;
constexpr int reads_in_flight = 64;

using Block = std::array<char, block_size>;

/// A file in the page cache whose i-th block begins with the byte i; the driver makes it.
inline const char* block_file() {
    const char* path = std::getenv("BENCH_FILE");
    check(path != nullptr, "BENCH_FILE names the file");
    return path;
}

inline void check_block(const Block& block, long i) {
    check(block.front() == static_cast<char>(i % block_count), "the block is the right one");
}

inline long offset_of(long i) { return i % block_count * static_cast<long>(block_size); }

}  // namespace bench

// SPDX-License-Identifier: MIT
//
// Holes in files: what POSIX has no words for, and libuv no functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <coloop/coloop.hpp>

namespace nbd {

/// A part of a file that is all data or all hole.
struct Extent {
    std::uint64_t length;
    bool hole;
};

/// How many bytes a file or block device has.
[[nodiscard]] std::uint64_t size_of(const coloop::File& file);

/// Makes a hole, which reads as zeros; false if the file system can't.
[[nodiscard]] bool punch_hole(const coloop::File& file, std::uint64_t offset, std::uint64_t length);

/// Makes zeros and keeps the space for them; false if the file system can't.
[[nodiscard]] bool zero_range(const coloop::File& file, std::uint64_t offset, std::uint64_t length);

/// What a range consists of, up to `most` extents, at least one. A file system that doesn't know
/// has only data.
[[nodiscard]] std::vector<Extent> extents_of(const coloop::File& file, std::uint64_t offset,
                                             std::uint64_t length, std::size_t most);

/// Tells the system to read a range soon.
void read_ahead(const coloop::File& file, std::uint64_t offset, std::uint64_t length);

}  // namespace nbd

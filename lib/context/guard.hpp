// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace coloop {

struct Guard {
    bool installed;
    std::size_t mappings;  ///< how many mappings it costs; give them to return_guard_mappings()
};

/// Bytes at the low end of a stack of `span` bytes that fault when touched.
std::size_t guard_size(std::size_t span) noexcept;

/// Makes [low, low + size) fault. Not installed when the kernel refuses both ways of doing so, or
/// when this process's share of vm.max_map_count is used up.
Guard install_guard(std::byte* low, std::size_t size) noexcept;

/// Tells that guards with so many mappings are gone.
void return_guard_mappings(std::size_t count) noexcept;

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace coloop {

/// How many descriptors this process may have open.
std::size_t descriptor_limit() noexcept;

}  // namespace coloop

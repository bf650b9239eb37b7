// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace coloop {

/// How many threads libuv's pool has, as libuv finds it out.
std::size_t pool_size() noexcept;

}  // namespace coloop

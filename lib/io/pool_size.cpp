// SPDX-License-Identifier: MIT
#include "io/pool_size.hpp"

#include <algorithm>
#include <cstdlib>

namespace coloop {

std::size_t pool_size() noexcept {
    constexpr int standard = 4;
    constexpr int most = 1024;
    const char* text = std::getenv("UV_THREADPOOL_SIZE");
    return static_cast<std::size_t>(
        std::clamp(text == nullptr ? standard : std::atoi(text), 1, most));
}

}  // namespace coloop

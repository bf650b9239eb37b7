// SPDX-License-Identifier: MIT
#include <limits>

#include <sys/resource.h>

#include "io/process_limits.hpp"

namespace coloop {

std::size_t descriptor_limit() noexcept {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return std::numeric_limits<std::size_t>::max();
    }
    return limit.rlim_cur;
}

}  // namespace coloop

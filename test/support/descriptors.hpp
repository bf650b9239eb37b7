// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <system_error>

#include <coloop/coroutine.hpp>
#include <coloop/loop.hpp>

namespace coloop {

/// How many descriptors the process has open. Those that libuv opens with a process's first loop
/// are always among them, and what it keeps of /dev/null from a loop's first stream on never is.
inline std::size_t open_descriptors() {
    if (!in_coroutine()) {
        const Loop first;
    }
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;  // the one that looks is
        const auto target = std::filesystem::read_symlink(entry.path(), gone);
        count += target == "/dev/null" ? 0U : 1U;
    }
    return count - 1;
}

}  // namespace coloop

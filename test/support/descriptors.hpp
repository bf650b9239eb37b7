// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <iterator>

#include <coloop/coroutine.hpp>
#include <coloop/loop.hpp>

namespace coloop {

/// How many descriptors the process has open. Those that libuv opens with a process's first loop
/// are always among them.
inline std::size_t open_descriptors() {
    if (!in_coroutine()) {
        const Loop first;
    }
    const auto count = std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                     std::filesystem::directory_iterator());
    return static_cast<std::size_t>(count) - 1;  // the one that looks
}

}  // namespace coloop

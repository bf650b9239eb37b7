// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <coloop/fs.hpp>
#include <coloop/text.hpp>

namespace sleepers {

/// What the process has of memory, as Linux says it.
struct Memory {
    std::int64_t resident = 0;  // bytes
    std::int64_t tables = 0;    // bytes of page tables
    std::int64_t mappings = 0;
};

/// The figure of a line such as "VmRSS:    1234 kB", in bytes.
inline std::int64_t bytes_in(std::string_view status, std::string_view name) {
    std::string_view line = status.substr(std::min(status.find(name), status.size()));
    line.remove_prefix(std::min(line.find_first_of("0123456789"), line.size()));
    const auto digits = line.substr(0, line.find_first_not_of("0123456789"));
    return coloop::parse_decimal<std::int64_t>(digits).value_or(0) * 1024;
}

inline Memory memory_now() {
    const std::string status = coloop::fs::read_file("/proc/self/status");
    const std::string maps = coloop::fs::read_file("/proc/self/maps");
    return {bytes_in(status, "VmRSS:"), bytes_in(status, "VmPTE:"),
            std::count(maps.begin(), maps.end(), '\n')};
}

}  // namespace sleepers

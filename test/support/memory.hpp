// SPDX-License-Identifier: MIT
//
// What the kernel says of this process's memory.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include <unistd.h>

namespace coloop {

/// True if touching `address` would fault; asks the kernel instead of trying.
inline bool faults(const void* address) {
    return access(static_cast<const char*>(address), F_OK) != 0 && errno == EFAULT;
}

inline std::size_t mapping_count() {
    std::ifstream maps("/proc/self/maps");
    std::size_t count = 0;
    for (std::string line; std::getline(maps, line);) {
        ++count;
    }
    return count;
}

/// Bytes of physical memory in use, to the page.
inline std::size_t resident_bytes() {
    std::ifstream rollup("/proc/self/smaps_rollup");
    for (std::string word; rollup >> word;) {
        if (word == "Rss:") {
            std::size_t kilobytes = 0;
            rollup >> kilobytes;
            return kilobytes * 1024;
        }
    }
    return 0;
}

/// The entry of /proc/self/smaps for the mapping that holds `address`.
inline std::string mapping_of(const void* address) {
    std::ifstream smaps("/proc/self/smaps");
    const auto place = reinterpret_cast<std::uintptr_t>(address);
    std::string entry;
    bool inside = false;
    for (std::string line; std::getline(smaps, line);) {
        const std::size_t dash = line.find('-');
        if (dash != std::string::npos && line.find(':') > dash) {  // the first line of an entry
            const std::uintptr_t low = std::stoull(line, nullptr, 16);
            const std::uintptr_t high = std::stoull(line.substr(dash + 1), nullptr, 16);
            inside = place >= low && place < high;
        }
        if (inside) {
            entry += line + '\n';
        }
    }
    return entry;
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <fstream>
#include <string>

#include "bench.hpp"

namespace bench {

/// What the process has taken of memory since this was made.
class Memory {
public:
    Memory() : resident_(status_bytes("VmRSS:")), tables_(status_bytes("VmPTE:")) {}

    /// Bytes for each of `count`, resident and in page tables, and all mappings of the process.
    void report(long count) const {
        const double resident = status_bytes("VmRSS:") - resident_;
        const double tables = status_bytes("VmPTE:") - tables_;
        figure("bytes", (resident + tables) / static_cast<double>(count));
        figure("mappings", mappings());
    }

private:
    static double status_bytes(const std::string& field) {
        std::ifstream status("/proc/self/status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with(field)) {
                return std::atof(line.c_str() + field.size()) * 1024;
            }
        }
        return 0;
    }

    static double mappings() {
        std::ifstream maps("/proc/self/maps");
        double count = 0;
        for (std::string line; std::getline(maps, line);) {
            ++count;
        }
        return count;
    }

    double resident_;
    double tables_;
};

}  // namespace bench

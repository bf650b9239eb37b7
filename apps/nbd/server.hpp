// SPDX-License-Identifier: MIT
//
// What all connections have in common.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "disk.hpp"

namespace nbd {

struct Limits {
    std::size_t requests = 64;                   // of a connection that are under way
    std::size_t memory = std::size_t{64} << 20;  // bytes that these may take for their data
    std::chrono::milliseconds handshake = std::chrono::seconds(10);
    std::chrono::milliseconds stall = std::chrono::seconds(30);  // to send or take a MiB
};

struct Server {
    std::vector<std::unique_ptr<Disk>> disks = {};
    std::string default_name;  // of the disk that clients get who name none
    Limits limits;
    bool draining = false;

    /// Null if there is no such export.
    [[nodiscard]] Disk* find(std::string_view name) const noexcept {
        for (const std::unique_ptr<Disk>& disk : disks) {
            if (disk->options().name == (name.empty() ? default_name : name)) {
                return disk.get();
            }
        }
        return nullptr;
    }
};

}  // namespace nbd

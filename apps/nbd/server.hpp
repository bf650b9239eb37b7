// SPDX-License-Identifier: MIT
//
// What all connections have in common, and the two phases of one.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <coloop/coloop.hpp>

#include "disk.hpp"

namespace nbd {

struct Server {
    std::vector<std::unique_ptr<Disk>> disks = {};
    std::chrono::milliseconds handshake_timeout = std::chrono::seconds(10);
    std::chrono::milliseconds stall_timeout = std::chrono::seconds(30);  // for a MiB
    bool draining = false;

    /// The first, for clients that name none; null if there is no such export.
    [[nodiscard]] Disk* find(std::string_view name) const noexcept {
        for (const std::unique_ptr<Disk>& disk : disks) {
            if (name.empty() || disk->name == name) {
                return disk.get();
            }
        }
        return nullptr;
    }
};

struct Agreement {
    Disk* disk;
    bool structured;    ///< answers may have several chunks
    bool block_status;  ///< the client may ask what is hole and what is data
};

/// The fixed newstyle handshake: client and server agree on an export and on what they can do.
/// Nothing if the client goes without choosing one. Throws ProtocolError, and what streams throw.
std::optional<Agreement> shake_hands(coloop::Writer& client, coloop::BufReader& input,
                                     const Server& server);

/// The transmission phase: a client's requests, each of which is a coroutine. Returns how many
/// there were, when the client has gone and all that it asked for is done. Throws the same.
std::uint64_t serve_requests(coloop::Writer& client, coloop::BufReader& input, const Server& server,
                             const Agreement& agreed);

}  // namespace nbd

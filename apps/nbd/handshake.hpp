// SPDX-License-Identifier: MIT
//
// The fixed newstyle handshake: client and server agree on an export and on what they can do.
#pragma once

#include <optional>

#include <coloop/coloop.hpp>

#include "server.hpp"

namespace nbd {

struct Agreement {
    Disk* disk;
    bool structured;    ///< answers may have several chunks
    bool block_status;  ///< the client may ask what is hole and what is data
};

/// Nothing if the client goes without choosing an export. Throws ProtocolError, and what streams
/// throw.
std::optional<Agreement> shake_hands(coloop::Writer& client, coloop::BufReader& input,
                                     const Server& server);

}  // namespace nbd

// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <coloop/tcp.hpp>

#include "access.hpp"

namespace proxy {

/// Carries bytes both ways, `early` before all others from the client, until both ways have ended.
/// The end of one way is passed on as such, and a reset as a reset. Says in `access` how it ended.
void relay(coloop::TcpStream& client, coloop::TcpStream& server, std::span<const std::byte> early,
           Proxy& proxy, Access& access);

/// Closes the connection of a client that was refused something, so that what it was told arrives
/// although it may have sent more than was read.
void part_from(coloop::TcpStream& client);

}  // namespace proxy

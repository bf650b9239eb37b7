// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include <coloop/address.hpp>
#include <coloop/stream.hpp>

#include "dial.hpp"

namespace proxy {

/// Reads an address of RFC 1928, section 5, and the port that follows it; nothing if it is of a
/// type that the RFC does not know, and throws EndOfStream if it is cut short.
std::optional<Target> read_socks5_address(coloop::Reader& from);

/// Writes the same.
void write_socks5_address(coloop::Writer& to, const coloop::Address& address);

}  // namespace proxy

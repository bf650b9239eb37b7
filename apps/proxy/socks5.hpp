// SPDX-License-Identifier: MIT
#pragma once

#include "proxy.hpp"

namespace proxy {

/// The answer to a request.
void write_reply(coloop::Writer& to, Reply reply, const coloop::Address& bound = {});

/// Reads an address of RFC 1928, section 5, and the port that follows it. Throws Refusal if it is
/// of a type that the RFC does not know, and EndOfStream if it is cut short.
Target read_address(coloop::Reader& from);

/// Writes the same.
void write_address(coloop::Writer& to, const coloop::Address& address);

/// Serves a UDP ASSOCIATE: datagrams of one client to anywhere and back, as RFC 1928, section 7,
/// wraps them, until the client ends its connection. `port` is where its datagrams will come from,
/// 0 if it did not know. What can't be relayed is dropped, as the RFC says. Fragments, which it
/// leaves to choice, are.
void associate_udp(coloop::TcpStream& client, std::uint16_t port, Access& access);

}  // namespace proxy

// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <coloop/tcp.hpp>

#include "access.hpp"

namespace proxy {

/// Where a client wants to go; the host is a name or a numeric address.
struct Target {
    std::string host;
    std::uint16_t port = 0;

    [[nodiscard]] std::string to_string() const;
};

/// What became of it, in terms that SOCKS5 and HTTP both have words for.
enum class Outcome : std::uint8_t {
    connected,
    not_allowed,
    unknown_host,
    network_unreachable,
    host_unreachable,
    refused,
    timed_out,
    failed,
};

struct Dialed {
    Outcome outcome = Outcome::failed;
    coloop::TcpStream stream;  ///< open if connected
};

/// Connects, if that is allowed, within the time that the settings give. Says in `access` where to,
/// or why not.
Dialed dial(const Target& target, Proxy& proxy, Access& access);

}  // namespace proxy

// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/tcp.hpp>

#include "access.hpp"

namespace proxy {

/// Serves a client of SOCKS5: RFC 1928, and RFC 1929 if there are users.
void serve_socks5(coloop::TcpStream& client, Proxy& proxy, Access& access);

}  // namespace proxy

// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/tcp.hpp>

#include "access.hpp"

namespace proxy {

/// Serves a client of an HTTP proxy that wants a tunnel: CONNECT of RFC 9110, section 9.3.6, with
/// Basic authentication of RFC 7617 if there are users. Says by Proxy-Status, RFC 9209, why it
/// refuses.
void serve_http(coloop::TcpStream& client, Proxy& proxy, Access& access);

}  // namespace proxy

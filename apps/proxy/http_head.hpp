// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <coloop/buf_reader.hpp>

#include "dial.hpp"

namespace proxy {

enum class Status : std::uint16_t {
    bad_request = 400,
    forbidden = 403,
    method_not_allowed = 405,
    authentication_required = 407,
    request_timeout = 408,
    header_too_large = 431,
    bad_gateway = 502,
    gateway_timeout = 504,
    version_not_supported = 505,
};

/// What a CONNECT asks for.
struct ConnectRequest {
    Target target;
    std::string authorization;  ///< of the field Proxy-Authorization; empty if there was none
};

/// Reads the head of a request, and nothing beyond it, as strictly as RFC 9112 allows: lines end
/// with CR LF, none is folded, names are tokens right before a colon. At most 16 KiB and 100
/// fields. Nothing at the end of the stream; the status to answer with if it is no CONNECT that can
/// be served.
std::optional<std::variant<ConnectRequest, Status>> read_request(coloop::BufReader& from);

}  // namespace proxy

// SPDX-License-Identifier: MIT
#include <algorithm>

#include "proxy.hpp"

namespace proxy {

namespace {

using std::errc;

/// What went wrong, in the words of SOCKS5, of HTTP, and of RFC 9209, section 2.3.
struct Words {
    Reply reply;
    std::string_view status;
    std::string_view cause;
};

constexpr std::string_view bad_gateway = "502 Bad Gateway";
constexpr Words not_allowed{Reply::not_allowed, "403 Forbidden", "http_request_denied"};
constexpr Words not_found{Reply::host_unreachable, bad_gateway, "dns_error"};
constexpr Words unknown{Reply::general_failure, bad_gateway, "proxy_internal_error"};
constexpr std::pair<errc, Words> known[] = {
    {errc::permission_denied, not_allowed},  // by the system's rules
    {errc::operation_not_permitted, not_allowed},
    {errc::connection_refused, {Reply::connection_refused, bad_gateway, "connection_refused"}},
    {errc::network_unreachable,
     {Reply::network_unreachable, bad_gateway, "destination_ip_unroutable"}},
    {errc::host_unreachable, {Reply::host_unreachable, bad_gateway, "destination_ip_unroutable"}},
    {errc::timed_out, {Reply::host_unreachable, "504 Gateway Timeout", "connection_timeout"}},
};

Refusal refusal(std::string why, const Words& words) {
    return {std::move(why), words.reply, words.status,
            fmt::format("Proxy-Status: coloop-proxy; error={}\r\n", words.cause)};
}

}  // namespace

std::optional<Target> parse_target(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    const auto port = coloop::parse_decimal<std::uint16_t>(text.substr(colon + 1));
    const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
    if (is_bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    if (!port || *port == 0 || host.empty() || host.find_first_of(" \t/@?#[]\\") != host.npos ||
        (host.find(':') != host.npos) != is_bracketed) {
        return std::nullopt;
    }
    return Target{std::string(host), *port};
}

coloop::TcpStream dial(const Target& target, Access& access) {
    const bool is_ipv6 = target.host.find(':') != std::string::npos;
    const std::string port = std::to_string(target.port);
    access.target = (is_ipv6 ? '[' + target.host + ']' : target.host) + ':' + port;
    if (!access.settings.allows(target.port)) {
        throw refusal("port not allowed", not_allowed);
    }
    bool found = false;
    try {
        return coloop::with_timeout(access.settings.connect_timeout, [&] {
            const auto addresses = coloop::resolve(target.host, {.service = port});
            found = true;
            coloop::TcpStream stream = coloop::TcpStream::connect(addresses);
            access.via = stream.peer_address().to_string();
            return stream;
        });
    } catch (const coloop::Error& error) {
        const auto* words = std::find_if(std::begin(known), std::end(known), [&](const auto& one) {
            return error.code() == one.first;
        });
        throw refusal(error.what(), words != std::end(known) ? words->second
                                    : found                  ? unknown
                                                             : not_found);
    }
}

}  // namespace proxy

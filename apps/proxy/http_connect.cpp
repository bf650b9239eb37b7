// SPDX-License-Identifier: MIT
#include "http_connect.hpp"

#include <optional>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include <coloop/buf_reader.hpp>
#include <coloop/timeout.hpp>

#include "dial.hpp"
#include "http_head.hpp"
#include "relay.hpp"

namespace proxy {

namespace {

std::string_view reason_of(Status status) {
    switch (status) {
        case Status::forbidden:
            return "Forbidden";
        case Status::method_not_allowed:
            return "Method Not Allowed";
        case Status::authentication_required:
            return "Proxy Authentication Required";
        case Status::request_timeout:
            return "Request Timeout";
        case Status::header_too_large:
            return "Request Header Fields Too Large";
        case Status::bad_gateway:
            return "Bad Gateway";
        case Status::gateway_timeout:
            return "Gateway Timeout";
        case Status::version_not_supported:
            return "HTTP Version Not Supported";
        default:
            return "Bad Request";
    }
}

struct Refusal {
    Status status;
    std::string_view error;  ///< as RFC 9209, section 2.3 calls it
};

Refusal refusal_for(Outcome outcome) {
    switch (outcome) {
        case Outcome::not_allowed:
            return {Status::forbidden, "http_request_denied"};
        case Outcome::unknown_host:
            return {Status::bad_gateway, "dns_error"};
        case Outcome::network_unreachable:
        case Outcome::host_unreachable:
            return {Status::bad_gateway, "destination_ip_unroutable"};
        case Outcome::refused:
            return {Status::bad_gateway, "connection_refused"};
        case Outcome::timed_out:
            return {Status::gateway_timeout, "connection_timeout"};
        default:
            return {Status::bad_gateway, "proxy_internal_error"};
    }
}

void refuse(coloop::TcpStream& client, Status status, std::string_view fields = {}) {
    client.write(fmt::format("HTTP/1.1 {} {}\r\n{}Content-Length: 0\r\nConnection: close\r\n\r\n",
                             static_cast<unsigned>(status), reason_of(status), fields));
    part_from(client);
}

/// The request, if it is one that may be served; answers the others.
std::optional<ConnectRequest> receive(coloop::TcpStream& client, coloop::BufReader& reader,
                                      const Settings& settings, Access& access) {
    std::optional<std::variant<ConnectRequest, Status>> received = Status::request_timeout;
    coloop::move_on_after(settings.handshake_timeout, [&] { received = read_request(reader); });
    if (!received) {
        access.outcome = "no request";
        return std::nullopt;
    }
    if (const Status* status = std::get_if<Status>(&*received)) {
        access.outcome = reason_of(*status);
        refuse(client, *status,
               *status == Status::method_not_allowed ? "Allow: CONNECT\r\n" : std::string_view());
        return std::nullopt;
    }
    auto& request = std::get<ConnectRequest>(*received);
    if (!settings.users.empty() && !settings.users.accept_basic(request.authorization)) {
        access.target = request.target.to_string();
        access.outcome = "wrong name or password";
        refuse(client, Status::authentication_required,
               "Proxy-Authenticate: Basic realm=\"proxy\", charset=\"UTF-8\"\r\n");
        return std::nullopt;
    }
    return std::move(request);
}

}  // namespace

void serve_http(coloop::TcpStream& client, Proxy& proxy, Access& access) {
    coloop::BufReader reader(client, 4096);
    const auto request = receive(client, reader, proxy.settings, access);
    if (!request) {
        return;
    }
    Dialed dialed = dial(request->target, proxy, access);
    if (dialed.outcome != Outcome::connected) {
        const Refusal refusal = refusal_for(dialed.outcome);
        refuse(client, refusal.status,
               fmt::format("Proxy-Status: coloop-proxy; error={}\r\n", refusal.error));
        return;
    }
    client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    relay(client, dialed.stream, reader.buffered(), proxy, access);
}

}  // namespace proxy

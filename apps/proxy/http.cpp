// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include <sodium.h>
#include <strings.h>

#include "proxy.hpp"
#include "users.hpp"

namespace proxy {

namespace {

constexpr std::size_t most_bytes = std::size_t{16} << 10;
constexpr unsigned most_fields = 100;

struct Request {
    Target target;
    std::string user;  ///< "name:password" by the field Proxy-Authorization; empty without one
};

/// By a status such as "400 Bad Request".
Refusal refusal(std::string_view status, std::string fields = {}) {
    return {std::string(status), Reply::general_failure, status, std::move(fields)};
}

void require(bool condition) {
    if (!condition) {
        throw refusal("400 Bad Request");
    }
}

/// What comes before the first `delimiter`, or all; takes both out of `text`.
std::string_view take_until(std::string_view delimiter, std::string_view& text) {
    const std::string_view taken = text.substr(0, text.find(delimiter));
    text.remove_prefix(std::min(taken.size() + delimiter.size(), text.size()));
    return taken;
}

std::string_view take_line(std::string_view& head) {
    const std::string_view line = take_until("\r\n", head);
    require(std::none_of(line.begin(), line.end(), [](unsigned char letter) {
        return (letter < ' ' && letter != '\t') || letter == 0x7f;
    }));
    return line;
}

bool is_token(std::string_view text) {
    constexpr std::string_view letters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
    return !text.empty() && text.find_first_not_of(letters) == text.npos;
}

bool same_name(std::string_view left, std::string_view right) {
    return left.size() == right.size() && strncasecmp(left.data(), right.data(), left.size()) == 0;
}

/// The "name:password" in "Basic <base64>", RFC 7617; empty if that is none.
std::string decode_basic(std::string_view value) {
    std::string user(value.size(), '\0');
    std::size_t size = 0;
    const bool is_basic = same_name(take_until(" ", value), "Basic");
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    const bool is_base64 = sodium_base642bin(reinterpret_cast<unsigned char*>(user.data()),
                                             user.size(), value.data(), value.size(), nullptr,
                                             &size, nullptr, sodium_base64_VARIANT_ORIGINAL) == 0;
    user.resize(is_basic && is_base64 ? size : 0);
    return user;
}

/// Of a head without the empty line at its end.
Request parse(std::string_view head) {
    std::string_view version = take_line(head);
    const std::string_view method = take_until(" ", version);
    const std::string_view authority = take_until(" ", version);
    require(is_token(method) && version.size() == 8 && version.starts_with("HTTP/") &&
            version[7] >= '0' && version[7] <= '9');
    if (!version.starts_with("HTTP/1.")) {
        throw refusal("505 HTTP Version Not Supported");
    }
    if (method != "CONNECT") {
        throw refusal("405 Method Not Allowed", "Allow: CONNECT\r\n");
    }
    const std::optional<Target> target = parse_target(authority);
    require(target.has_value());
    Request request{*target, {}};
    unsigned hosts = 0;
    for (unsigned fields = 0; !head.empty(); ++fields) {
        if (fields == most_fields) {
            throw refusal("431 Request Header Fields Too Large");
        }
        std::string_view value = take_line(head);
        require(value.find(':') != value.npos);
        const std::string_view name = take_until(":", value);
        require(is_token(name));
        hosts += same_name(name, "Host") ? 1U : 0U;
        if (same_name(name, "Proxy-Authorization")) {
            value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
            request.user = decode_basic(value.substr(0, value.find_last_not_of(" \t") + 1));
        }
    }
    require(hosts == 1 || (hosts == 0 && version == "HTTP/1.0"));
    return request;
}

/// Nothing if the client goes without a word.
std::optional<Request> receive(coloop::BufReader& from, const Settings& settings) {
    try {
        const auto head = coloop::with_timeout(
            settings.handshake_timeout, [&] { return from.read_until("\r\n\r\n", most_bytes); });
        return head ? std::optional(parse(*head)) : std::nullopt;
    } catch (const coloop::Error& error) {
        if (error.code() == coloop::Errc::timed_out) {
            throw refusal("408 Request Timeout");
        }
        require(error.code() != coloop::Errc::end_of_stream);
        if (error.code() == coloop::Errc::too_long) {
            throw refusal("431 Request Header Fields Too Large");
        }
        throw;
    }
}

void serve_whole(coloop::TcpStream& client, Access& access) {
    coloop::BufReader reader(client, 4096);
    const std::optional<Request> request = receive(reader, access.settings);
    if (!request) {
        access.outcome = "no request";
        return;
    }
    if (const auto& users = access.settings.users;
        !users.empty() && !is_among(users, request->user)) {
        throw refusal("407 Proxy Authentication Required",
                      "Proxy-Authenticate: Basic realm=\"proxy\", charset=\"UTF-8\"\r\n");
    }
    coloop::TcpStream server = dial(request->target, access);
    client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    relay(client, server, reader.buffered(), access);
}

}  // namespace

void serve_http(coloop::TcpStream& client, Access& access) {
    try {
        serve_whole(client, access);
    } catch (const Refusal& refusal) {
        access.outcome = refusal.why;
        client.write(fmt::format("HTTP/1.1 {}\r\n{}Content-Length: 0\r\nConnection: close\r\n\r\n",
                                 refusal.status, refusal.fields));
        part_from(client);
    }
}

}  // namespace proxy

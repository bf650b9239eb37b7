// SPDX-License-Identifier: MIT
//
// What all that the proxy speaks have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coloop/coloop.hpp>

#include "../common/log.hpp"

namespace proxy {

/// Everything that the command line says.
struct Settings {
    using Duration = std::chrono::milliseconds;

    std::vector<std::string> socks5;   ///< where to listen
    std::vector<std::string> http;     ///< the same
    std::vector<std::string> forward;  ///< "<where>=<back end>,<back end>..."
    std::string control;               ///< path of the socket for hot restarts; empty for none
    std::vector<std::string> users;    ///< "name:password"; everybody if empty
    std::set<std::uint16_t> ports;     ///< that may be asked for; all if empty
    Duration check_interval = std::chrono::seconds(5);
    Duration check_timeout = std::chrono::seconds(2);
    Duration handshake_timeout = std::chrono::seconds(10);
    Duration connect_timeout = std::chrono::seconds(10);
    Duration idle_timeout = std::chrono::minutes(5);
    Duration drain = std::chrono::hours(1);
    coloop::ServeOptions serving{
        .max_connections = coloop::default_connection_limit() / 2,  // each has two ends
    };
    bool access_lines = true;

    [[nodiscard]] bool allows(std::uint16_t port) const {
        return port != 0 && (ports.empty() || ports.contains(port));
    }
};

/// What is known of one conversation; at its end that is a line of the log.
struct Access {
    ~Access();

    const Settings& settings;
    std::string_view protocol;
    coloop::Address client = {};
    std::string user = {};
    std::string target = {};          ///< what was asked for
    std::string via = {};             ///< where that turned out to be
    std::uint64_t up = 0;             ///< bytes from the client
    std::uint64_t down = 0;           ///< bytes to the client
    std::string outcome = "stopped";  ///< how it ended
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
};

/// Where a client wants to go; the host is a name or a numeric address.
struct Target {
    std::string host;
    std::uint16_t port = 0;
};

/// From "name:port", "127.0.0.1:port" or "[::1]:port", and nothing else.
std::optional<Target> parse_target(std::string_view text);

/// What SOCKS5 calls it: RFC 1928, section 6.
enum class Reply : std::uint8_t {
    succeeded = 0,
    general_failure = 1,
    not_allowed = 2,
    network_unreachable = 3,
    host_unreachable = 4,
    connection_refused = 5,
    command_not_supported = 7,
    address_type_not_supported = 8,
};

/// Thrown when a client does not get what it wants: why, for the log and in each protocol's words.
struct Refusal {
    std::string why;
    Reply reply = Reply::general_failure;
    std::string_view status = {};  ///< of HTTP
    std::string fields = {};       ///< more lines of the HTTP answer
};

/// Connects, if that is allowed, within the time that the settings give. Says in `access` where to.
/// Throws Refusal if that does not work.
coloop::TcpStream dial(const Target& target, Access& access);

/// Carries bytes both ways, `early` before all others from the client, until both ways have ended.
/// The end of one way is passed on as such, and a reset as a reset. Says in `access` how it ended.
void relay(coloop::TcpStream& client, coloop::TcpStream& server, std::span<const std::byte> early,
           Access& access);

/// Closes the connection of a client that was refused something, so that what it was told arrives
/// although it may have sent more than was read.
void part_from(coloop::TcpStream& client);

/// Serves a client of SOCKS5: RFC 1928, and RFC 1929 if there are users.
void serve_socks5(coloop::TcpStream& client, Access& access);

/// Serves a client of an HTTP proxy that wants a tunnel: CONNECT of RFC 9110, section 9.3.6, with
/// Basic authentication of RFC 7617 if there are users. Says by Proxy-Status, RFC 9209, why it
/// refuses.
///
/// The head of the request is read as strictly as RFC 9112 allows: lines end with CR LF, none is
/// folded, names are tokens right before a colon; at most 16 KiB and 100 fields.
void serve_http(coloop::TcpStream& client, Access& access);

}  // namespace proxy

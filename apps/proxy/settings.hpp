// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <coloop/serve.hpp>

#include "users.hpp"

namespace proxy {

using Duration = std::chrono::milliseconds;

enum class Balance : std::uint8_t { round_robin, least_connections };

struct HealthSettings {
    Duration interval = std::chrono::seconds(5);
    Duration timeout = std::chrono::seconds(2);
    unsigned fall = 3;  ///< failures in a row that put a back end out of use
    unsigned rise = 2;  ///< successes in a row that bring it back
};

/// Everything that the command line says.
struct Settings {
    std::vector<std::string> socks5;   ///< where to listen
    std::vector<std::string> http;     ///< the same
    std::vector<std::string> forward;  ///< "<where>=<back end>,<back end>..."
    std::string control;               ///< path of the socket for hot restarts; empty for none

    Users users;
    std::set<std::uint16_t> ports;  ///< that may be asked for; all if empty
    Balance balance = Balance::round_robin;
    HealthSettings health;

    Duration handshake_timeout = std::chrono::seconds(10);
    Duration connect_timeout = std::chrono::seconds(10);
    Duration idle_timeout = std::chrono::minutes(5);
    Duration grace = std::chrono::seconds(10);
    Duration drain = std::chrono::hours(1);
    std::size_t max_connections = coloop::default_connection_limit() / 2;  // each has two ends
    bool access_lines = true;
};

}  // namespace proxy

// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace loadgen {

using Clock = std::chrono::steady_clock;

struct Settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 7000;
    std::string protocol = "echo";  // or line, resp
    std::string command = "set";    // of Redis: or ping, get, incr
    std::size_t size = 64;          // bytes of a message, line or value
    std::size_t connections = 50;
    std::size_t pipeline = 1;
    double rate = 0;  // requests per second in all; 0: as fast as answers come
    std::uint64_t requests = std::numeric_limits<std::uint64_t>::max();
    std::chrono::milliseconds duration{10'000};
    std::chrono::milliseconds timeout{10'000};
    bool json = false;
    bool quiet = false;
    std::string svg;
};

}  // namespace loadgen

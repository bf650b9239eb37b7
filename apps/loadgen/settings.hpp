// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace loadgen {

using Clock = std::chrono::steady_clock;

enum class Protocol { echo, line, resp };
enum class Command { ping, get, set, incr };

struct Settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 7000;
    Protocol protocol = Protocol::echo;
    Command command = Command::set;  // of Protocol::resp
    std::size_t size = 64;           // bytes of a message, line or value
    std::size_t connections = 50;
    std::size_t pipeline = 1;
    double rate = 0;  // requests per second in all; 0: as fast as answers come
    std::uint64_t requests = std::numeric_limits<std::uint64_t>::max();
    double duration = 10;  // seconds
    double timeout = 10;   // seconds
    bool json = false;
    bool quiet = false;
    std::string svg;
};

inline Clock::duration seconds(double count) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
}

}  // namespace loadgen

// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>

#include <coloop/coloop.hpp>

#include "hall.hpp"

struct ClientOptions {
    std::size_t line_limit = 1024;      ///< bytes
    std::size_t outbox = 256;           ///< lines that may wait for a client
    std::chrono::milliseconds idle{0};  ///< without a line, then it has to go; 0: never
};

/// Lets a client take part until the connection is over.
void attend(Hall& hall, coloop::TcpStream stream, const ClientOptions& options);

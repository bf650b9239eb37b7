// SPDX-License-Identifier: MIT
//
// What the command line says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <coloop/coloop.hpp>

#include "server.hpp"

namespace nbd {

inline constexpr std::uint16_t standard_port = 10809;

struct Settings {
    std::string host = "127.0.0.1";
    std::optional<std::uint16_t> port;  // if none is named, the standard one, or only the socket
    std::string unix_path;
    std::vector<DiskOptions> exports;
    std::string default_export;
    Limits limits;
    coloop::ServeOptions serving;
};

/// The exit code if the program is to end at once.
std::optional<int> read_options(int argc, char** argv, Settings& settings);

}  // namespace nbd

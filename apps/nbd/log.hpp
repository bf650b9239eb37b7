// SPDX-License-Identifier: MIT
//
// What happens, one line for each event, on standard error: "event=closed client=... requests=7".
#pragma once

#include <cstdio>
#include <ctime>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace nbd {

/// Text that a peer may have chosen, as one value.
inline std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    return out + '"';
}

template <typename... Values>
void log(std::string_view event, fmt::format_string<Values...> format, Values&&... values) {
    fmt::memory_buffer line;
    fmt::format_to(std::back_inserter(line), "time={:%Y-%m-%dT%H:%M:%S}Z event={} ",
                   fmt::gmtime(std::time(nullptr)), event);
    fmt::format_to(std::back_inserter(line), format, std::forward<Values>(values)...);
    line.push_back('\n');
    std::fwrite(line.data(), 1, line.size(), stderr);  // whole, also among other processes' lines
}

}  // namespace nbd

// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace common {

struct Pair {
    template <typename Value>
    Pair(std::string_view name, const Value& what) : key(name), value(fmt::format("{}", what)) {}

    std::string_view key;
    std::string value;
};

/// Writes a line to standard error: `log("closed", {{"client", address}, {"requests", 7}})` gives
/// `time=2026-11-26T01:02:03.456Z event=closed client=127.0.0.1:4711 requests=7`. Nobody who
/// chooses a value can forge a line with it: what is not plain is quoted, and escaped unless it is
/// printable ASCII. Of an empty value nothing is said.
inline void log(std::string_view event, std::initializer_list<Pair> pairs = {}) {
    const auto now =
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    std::string line = fmt::format("time={:%F}T{:%T}Z event={}", fmt::gmtime(now),
                                   now.time_since_epoch() % std::chrono::days(1), event);
    const auto is_plain = [](char letter) {
        return letter > ' ' && letter <= '~' && letter != '"' && letter != '\\' && letter != '=';
    };
    for (const auto& [key, value] : pairs) {
        if (std::all_of(value.begin(), value.end(), is_plain)) {
            line += value.empty() ? "" : fmt::format(" {}={}", key, value);
            continue;
        }
        line += fmt::format(" {}=\"", key);
        for (const char letter : value) {
            line += is_plain(letter) || letter == ' ' || letter == '='
                        ? std::string(1, letter)
                        : fmt::format("\\x{:02x}", static_cast<unsigned char>(letter));
        }
        line += '"';
    }
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);  // in one call, so that lines stay whole
}

}  // namespace common

// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

#include <fmt/format.h>

namespace proxy {

/// A line of key=value pairs on standard error, written by the destructor:
///
///     LogLine("backend").add("name", "10.0.0.1:80").add("state", "down");
///
/// Values that come from peers can't forge a line: what is not plain is quoted and escaped.
class LogLine {
public:
    explicit LogLine(std::string_view event);
    LogLine(const LogLine&) = delete;
    LogLine& operator=(const LogLine&) = delete;
    ~LogLine();

    LogLine& add(std::string_view key, std::string_view value);
    LogLine& add(std::string_view key, std::uint64_t value);

private:
    fmt::memory_buffer text_;
};

}  // namespace proxy

// SPDX-License-Identifier: MIT
#include "log.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>

#include <fmt/chrono.h>

namespace proxy {

namespace {

bool is_plain(unsigned char letter) noexcept {
    return letter > ' ' && letter < 0x7f && letter != '"' && letter != '\\' && letter != '=';
}

void append_quoted(fmt::memory_buffer& text, std::string_view value) {
    text.push_back('"');
    for (const char letter : value) {
        if (is_plain(static_cast<unsigned char>(letter)) || letter == ' ' || letter == '=') {
            text.push_back(letter);
        } else {
            fmt::format_to(std::back_inserter(text), "\\x{:02x}",
                           static_cast<unsigned char>(letter));
        }
    }
    text.push_back('"');
}

}  // namespace

LogLine::LogLine(std::string_view event) {
    const auto now = std::chrono::system_clock::now();
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    const auto milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - second).count();
    fmt::format_to(std::back_inserter(text_), "time={:%Y-%m-%dT%H:%M:%S}.{:03}Z event={}",
                   fmt::gmtime(std::chrono::system_clock::to_time_t(second)), milliseconds, event);
}

LogLine& LogLine::add(std::string_view key, std::string_view value) {
    fmt::format_to(std::back_inserter(text_), " {}=", key);
    if (!value.empty() && std::all_of(value.begin(), value.end(), is_plain)) {
        text_.append(value);
    } else {
        append_quoted(text_, value);
    }
    return *this;
}

LogLine& LogLine::add(std::string_view key, std::uint64_t value) {
    fmt::format_to(std::back_inserter(text_), " {}={}", key, value);
    return *this;
}

LogLine::~LogLine() {
    text_.push_back('\n');
    std::fwrite(text_.data(), 1, text_.size(), stderr);
}

}  // namespace proxy

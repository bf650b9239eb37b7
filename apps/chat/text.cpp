// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include <utf8.h>

namespace {

constexpr std::uint32_t replacement = 0xFFFD;

bool is_between(std::uint32_t code, std::uint32_t first, std::uint32_t last) {
    return code >= first && code <= last;
}

std::uint32_t harmless(std::uint32_t code) {
    if (code == '\t') {
        return ' ';
    }
    const bool control = code < ' ' || is_between(code, 0x7F, 0x9F);
    const bool separator = code == 0x2028 || code == 0x2029;
    const bool direction = code == 0x61C || code == 0x200E || code == 0x200F ||
                           is_between(code, 0x202A, 0x202E) || is_between(code, 0x2066, 0x2069);
    return control || separator || direction ? replacement : code;
}

bool is_name_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

}  // namespace

std::string harmless(std::string_view line) {
    std::string valid;
    utf8::replace_invalid(line.begin(), line.end(), std::back_inserter(valid), replacement);
    std::string shown;
    shown.reserve(valid.size());
    for (auto at = valid.begin(); at != valid.end();) {
        utf8::append(harmless(utf8::next(at, valid.end())), std::back_inserter(shown));
    }
    return shown;
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 24 &&
           std::all_of(text.begin(), text.end(), is_name_letter);
}

std::string folded(std::string_view name) {
    std::string small(name);
    for (char& c : small) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return small;
}

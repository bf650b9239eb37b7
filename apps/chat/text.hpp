// SPDX-License-Identifier: MIT
//
// What people type, made fit for the terminals of others.
#pragma once

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>
#include <string_view>

#include <utf8.h>

/// `line` as UTF-8 that does nothing to a terminal: what is not UTF-8, control characters, and
/// those that turn the direction of writing become U+FFFD; a tab becomes a space.
inline std::string harmless(std::string_view line) {
    constexpr char32_t replacement = 0xFFFD;
    std::string valid;
    utf8::replace_invalid(line.begin(), line.end(), std::back_inserter(valid), replacement);
    std::u32string text = utf8::utf8to32(valid);
    std::replace(text.begin(), text.end(), U'\t', U' ');
    const auto is_harmful = [](char32_t code) {
        return code < U' ' || (code >= 0x7F && code <= 0x9F) || code == 0x61C || code == 0x200E ||
               code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
               (code >= 0x2066 && code <= 0x2069);
    };
    std::replace_if(text.begin(), text.end(), is_harmful, replacement);
    return utf8::utf32to8(text);
}

/// True if it will do as the name of somebody or of a room: 1 to 24 letters, digits, `-` and `_`.
/// Only ASCII, so that no two names look the same.
inline bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 24 &&
           std::all_of(text.begin(), text.end(), [](unsigned char letter) {
               return std::isalnum(letter) != 0 || letter == '-' || letter == '_';
           });
}

/// The same for all ways to write a name in capitals or small letters.
inline std::string folded(std::string_view name) {
    std::string small;
    std::transform(name.begin(), name.end(), std::back_inserter(small),
                   [](unsigned char letter) { return std::tolower(letter); });
    return small;
}

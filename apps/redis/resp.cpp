// SPDX-License-Identifier: MIT
#include "resp.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include <coloop/text.hpp>

namespace redis {

namespace {

constexpr std::size_t longest_line = 64 << 10;

int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

char unescaped(char c) {
    switch (c) {
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'b':
            return '\b';
        case 'a':
            return '\a';
        default:
            return c;
    }
}

/// Takes a word in quotes off the front of `line`, which begins with one; false if it has no end.
bool take_quoted(std::string_view& line, std::string& word) {
    const char quote = line[0];
    std::size_t i = 1;
    for (; i < line.size() && line[i] != quote; ++i) {
        const bool escape = line[i] == '\\' && i + 1 < line.size();
        if (escape && quote == '"' && line[i + 1] == 'x' && i + 3 < line.size() &&
            hex_digit(line[i + 2]) >= 0 && hex_digit(line[i + 3]) >= 0) {
            word += static_cast<char>(hex_digit(line[i + 2]) * 16 + hex_digit(line[i + 3]));
            i += 3;
        } else if (escape && quote == '"') {
            word += unescaped(line[++i]);
        } else if (escape && line[i + 1] == '\'') {
            word += line[++i];
        } else {
            word += line[i];
        }
    }
    if (i >= line.size() || (i + 1 < line.size() && !is_space(line[i + 1]))) {
        return false;
    }
    line.remove_prefix(i + 1);
    return true;
}

/// The words of a line as a person types it; empty if its quotes don't match.
std::optional<std::vector<std::string>> split(std::string_view line) {
    std::vector<std::string> words;
    for (;;) {
        while (!line.empty() && is_space(line[0])) {
            line.remove_prefix(1);
        }
        if (line.empty()) {
            return words;
        }
        std::string& word = words.emplace_back();
        while (!line.empty() && !is_space(line[0])) {
            if (line[0] == '"' || line[0] == '\'') {
                if (!take_quoted(line, word)) {
                    return std::nullopt;
                }
                break;
            }
            word += line[0];
            line.remove_prefix(1);
        }
    }
}

void append_bulk(std::string& to, std::string_view bytes) {
    std::array<char, 24> head;
    head[0] = '$';
    char* end = std::to_chars(head.data() + 1, head.data() + 21, bytes.size()).ptr;
    *end++ = '\r';
    *end++ = '\n';
    to.append(head.data(), end);
    to += bytes;
    to += "\r\n";
}

}  // namespace

std::optional<std::int64_t> integer_of(std::string_view text) {
    const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
    if (digits.starts_with('0') && text.size() > 1) {
        return std::nullopt;
    }
    return coloop::parse_decimal<std::int64_t>(text);
}

/// The line at position_, which is taken; nothing if it has no end yet.
std::optional<std::string_view> RequestParser::take_line(std::string_view input,
                                                         const char* too_long) {
    const std::size_t end = input.find('\r', position_);
    if (end == std::string_view::npos || end + 1 >= input.size()) {
        if (end == std::string_view::npos && input.size() - position_ > longest_line) {
            throw ProtocolError(too_long);
        }
        needed_ = input.size() + 1;
        return std::nullopt;
    }
    const std::string_view line = input.substr(position_, end - position_);
    position_ = end + 2;
    return line;
}

bool RequestParser::parse_inline(std::string_view input) {
    const std::size_t end = input.find('\n');
    if (end == std::string_view::npos) {
        if (input.size() > longest_line) {
            throw ProtocolError("too big inline request");
        }
        needed_ = input.size() + 1;
        return false;
    }
    std::optional<std::vector<std::string>> words = split(input.substr(0, end));
    if (!words) {
        throw ProtocolError("unbalanced quotes in request");
    }
    words_ = *std::move(words);
    arguments_.assign(words_.begin(), words_.end());
    position_ = end + 1;
    return complete_ = true;
}

/// Takes one argument.
bool RequestParser::parse_bulk(std::string_view input) {
    if (length_ < 0) {
        const std::size_t begin = position_;
        const auto line = take_line(input, "too big bulk count string");
        if (!line) {
            return false;
        }
        if (input[begin] != '$') {
            throw ProtocolError(std::string("expected '$', got '") + input[begin] + "'");
        }
        const auto length = integer_of(line->substr(1));
        if (!length || *length < 0 || static_cast<std::size_t>(*length) > longest_bulk_) {
            throw ProtocolError("invalid bulk length");
        }
        length_ = *length;
    }
    const auto size = static_cast<std::size_t>(length_);
    if (input.size() - position_ < size + 2) {
        needed_ = position_ + size + 2;
        return false;
    }
    pieces_.push_back({position_, size});
    position_ += size + 2;
    length_ = -1;
    return true;
}

bool RequestParser::parse(std::string_view input) {
    if (complete_) {
        position_ = 0;
        missing_ = -1;
        complete_ = false;
        pieces_.clear();
        arguments_.clear();
    }
    if (missing_ < 0) {
        if (input.empty()) {
            needed_ = 1;
            return false;
        }
        if (input[0] != '*') {
            return parse_inline(input);
        }
        const auto line = take_line(input, "too big mbulk count string");
        if (!line) {
            return false;
        }
        const auto count = integer_of(line->substr(1));
        if (!count || *count > std::numeric_limits<int>::max()) {
            throw ProtocolError("invalid multibulk length");
        }
        missing_ = std::max<std::int64_t>(*count, 0);
    }
    for (; missing_ > 0; --missing_) {
        if (!parse_bulk(input)) {
            return false;
        }
    }
    for (const Piece& piece : pieces_) {
        arguments_.push_back(input.substr(piece.begin, piece.size));
    }
    return complete_ = true;
}

void Reply::head(char type, std::int64_t number) {
    std::array<char, 24> line;
    line[0] = type;
    char* end = std::to_chars(line.data() + 1, line.data() + 22, number).ptr;
    *end++ = '\r';
    *end++ = '\n';
    text.append(line.data(), end);
}

void Reply::simple(std::string_view line) {
    text += '+';
    text += line;
    text += "\r\n";
}

void Reply::error(std::string_view line) {
    text += '-';
    for (const char c : line) {
        text += c == '\r' || c == '\n' ? ' ' : c;
    }
    text += "\r\n";
}

void Reply::bulk(std::string_view bytes) { append_bulk(text, bytes); }

void Reply::real(double value) {
    if (protocol == 2) {
        bulk(text_of(value));
    } else {
        text += "," + text_of(value) + "\r\n";
    }
}

void append_request(std::string& to, Args arguments) {
    to += "*" + std::to_string(arguments.size()) + "\r\n";
    for (const std::string_view argument : arguments) {
        append_bulk(to, argument);
    }
}

std::string text_of(double value) {
    if (std::isinf(value)) {
        return value > 0 ? "inf" : "-inf";
    }
    std::array<char, 40> digits;
    const int size = std::snprintf(digits.data(), digits.size(), "%.17g", value);
    return {digits.data(), static_cast<std::size_t>(size)};
}

}  // namespace redis

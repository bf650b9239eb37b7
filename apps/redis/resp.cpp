// SPDX-License-Identifier: MIT
#include "resp.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iomanip>
#include <limits>
#include <span>
#include <sstream>

#include <fmt/format.h>

#include <coloop/text.hpp>

namespace redis {

namespace {

constexpr std::size_t longest_line = 64 << 10;
constexpr std::size_t part = 64 << 10;  // of a long word, and what an idle client keeps at most

/// The words of a line as a person types it.
void split(std::string_view line, Words& words) {
    words.clear();
    std::istringstream input{std::string(line)};
    while (!(input >> std::ws).eof()) {
        if (!(input >> std::quoted(words.emplace_back()))) {
            throw ProtocolError("unbalanced quotes in request");
        }
    }
}

}  // namespace

bool RequestReader::read(Words& words) {
    if (last_size_ > part) {  // is given back before waiting
        words = Words();
    }
    if (input_.buffered().empty() && input_.peek().empty()) {
        return false;
    }
    const std::uint64_t begin = position_;
    const bool is_array = need(1).front() == '*';
    std::string_view line =
        take_line(is_array ? "too big mbulk count string" : "too big inline request");
    if (!is_array) {
        split(line, words);
        return true;
    }
    const auto count = integer_of(line.substr(1));
    if (!count || *count > std::numeric_limits<int>::max()) {
        throw ProtocolError("invalid multibulk length");
    }
    std::size_t i = 0;
    for (; static_cast<std::int64_t>(i) < *count; ++i) {
        line = take_line("too big bulk count string");
        if (!line.starts_with('$')) {
            throw ProtocolError(fmt::format("expected '$', got '{}'", line.substr(0, 1)));
        }
        const auto size = integer_of(line.substr(1));
        if (!size || *size < 0 || static_cast<std::size_t>(*size) > limits_.bulk) {
            throw ProtocolError("invalid bulk length");
        }
        if (position_ - begin + static_cast<std::size_t>(*size) > limits_.request) {
            throw std::runtime_error(
                fmt::format("a request of more than {} bytes", limits_.request));
        }
        if (i == words.size()) {
            words.emplace_back();
        }
        take_bulk(words[i], static_cast<std::size_t>(*size));
    }
    words.resize(i);
    last_size_ = position_ - begin;
    return true;
}

/// What is in the buffer: at least so much. Throws EndOfStream.
std::string_view RequestReader::need(std::size_t count) {
    std::span<const std::byte> bytes = input_.buffered();
    if (bytes.size() < count && (bytes = input_.peek(count)).size() < count) {
        throw coloop::EndOfStream(coloop::Errc::end_of_stream, "read a request");
    }
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void RequestReader::take(std::size_t count) {
    input_.consume(count);
    position_ += count;
}

std::string_view RequestReader::take_line(const char* too_long) {
    std::string_view line = need(1);
    if (const std::size_t end = line.find('\n'); end != std::string_view::npos) {
        line = line.substr(0, end);
        take(end + 1);
    } else {  // not all of it has come
        const auto rest = input_.read_until("\n", longest_line, std::nothrow);
        if (!rest && rest.error().code() == coloop::Errc::too_long) {
            throw ProtocolError(too_long);
        }
        line = rest.value().value();
        position_ += line.size() + 1;
    }
    return line.substr(0, line.size() - (line.ends_with('\r') ? 1 : 0));
}

void RequestReader::take_bulk(std::string& word, std::size_t size) {
    word.clear();
    while (size - word.size() > part) {  // no more of it than this is in the buffer at once
        word.append(need(part).substr(0, part));
        take(part);
    }
    const std::size_t rest = size - word.size();
    word.append(need(rest + 2).substr(0, rest));
    take(rest + 2);
}

void RequestReader::wait_for_end() {
    try {
        for (std::size_t had = input_.buffered().size(); had < limits_.request;) {
            const std::size_t size = input_.peek(had + 1).size();
            if (size == had) {
                return;
            }
            had = size;
        }
    } catch (const coloop::Error&) {
    }
}

std::optional<std::int64_t> integer_of(std::string_view text) {
    const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
    if (digits.starts_with('0') && text.size() > 1) {
        return std::nullopt;
    }
    return coloop::parse_decimal<std::int64_t>(text);
}

std::string text_of(double value) { return fmt::format("{:.17g}", value); }

void Reply::head(char type, std::int64_t number) {
    std::array<char, 24> line;
    line[0] = type;
    char* end = std::to_chars(line.data() + 1, line.data() + 22, number).ptr;
    *end++ = '\r';
    *end++ = '\n';
    text.append(line.data(), end);
}

void Reply::error(std::string_view line) {
    text += '-';
    std::replace_copy_if(
        line.begin(), line.end(), std::back_inserter(text),
        [](char c) { return c == '\r' || c == '\n'; }, ' ');
    text += "\r\n";
}

void Reply::bulk(std::string_view bytes) {
    head('$', static_cast<std::int64_t>(bytes.size()));
    text.append(bytes).append("\r\n");
}

void Reply::real(double value) {
    if (protocol == 2) {
        bulk(text_of(value));
    } else {
        text += "," + text_of(value) + "\r\n";
    }
}

}  // namespace redis

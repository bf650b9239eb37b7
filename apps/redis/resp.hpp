// SPDX-License-Identifier: MIT
//
// RESP, the protocol of Redis: requests as clients send them, and replies in its versions 2 and 3.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coloop/buf_reader.hpp>

namespace redis {

using Words = std::vector<std::string>;

/// What a client gets to read before its connection is closed.
struct ProtocolError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct RequestLimits {
    std::size_t bulk = std::size_t{512} << 20;
    std::size_t request = std::size_t{1} << 30;
};

/// Reads requests, one after the other. Only what has come takes memory, whatever was announced.
class RequestReader {
public:
    RequestReader(coloop::Reader& source, RequestLimits limits, std::size_t buffer = 16384)
        : input_(source, buffer), limits_(limits) {}

    /// The next request; empty if the line was. False at the end of the stream. Throws EndOfStream
    /// if that is inside of a request, ProtocolError, and std::runtime_error beyond the limit.
    bool read(Words& words);

    /// Where in the stream the last request ended.
    [[nodiscard]] std::uint64_t position() const { return position_; }

    /// Waits until the stream ends, or fails, or more comes before than a request may have.
    void wait_for_end();

private:
    std::string_view need(std::size_t count);
    std::string_view take_line(const char* too_long);
    void take(std::size_t count);
    void take_bulk(std::string& word, std::size_t size);

    coloop::BufReader input_;
    RequestLimits limits_;
    std::uint64_t position_ = 0;
    std::uint64_t last_size_ = 0;
};

/// The integer that all of `text` is, written as Redis writes it.
[[nodiscard]] std::optional<std::int64_t> integer_of(std::string_view text);

/// A number as Redis shows it.
[[nodiscard]] std::string text_of(double value);

/// Replies, one after the other, as bytes.
class Reply {
public:
    std::string text;
    int protocol = 2;

    void simple(std::string_view line) { text.append("+").append(line).append("\r\n"); }

    void error(std::string_view line);

    void integer(std::integral auto value) { head(':', static_cast<std::int64_t>(value)); }

    void bulk(std::string_view bytes);

    void bulk(const std::string* bytes) { bytes == nullptr ? null() : bulk(*bytes); }

    void real(double value);

    void null() { text += protocol == 2 ? "$-1\r\n" : "_\r\n"; }

    void null_array() { text += protocol == 2 ? "*-1\r\n" : "_\r\n"; }

    void ok() { text += "+OK\r\n"; }

    // The heads of what so many replies follow; a map has twice as many.
    void array(std::size_t size) { head('*', static_cast<std::int64_t>(size)); }

    void set(std::size_t size) { head(protocol == 2 ? '*' : '~', static_cast<std::int64_t>(size)); }

    void push(std::size_t size) {
        head(protocol == 2 ? '*' : '>', static_cast<std::int64_t>(size));
    }

    void map(std::size_t size) {
        head(protocol == 2 ? '*' : '%', static_cast<std::int64_t>(protocol == 2 ? 2 * size : size));
    }

    /// All that is in a container of strings; append_all() after one of the heads.
    void bulks(const auto& strings) {
        array(strings.size());
        append_all(strings);
    }

    void append_all(const auto& strings) {
        for (const std::string_view one : strings) {
            bulk(one);
        }
    }

private:
    void head(char type, std::int64_t number);
};

/// Appends a request: what clients send, and what the log consists of.
template <typename Range = std::initializer_list<std::string_view>>
void append_request(std::string& to, const Range& words) {
    Reply request;
    request.text.swap(to);
    request.bulks(words);
    request.text.swap(to);
}

}  // namespace redis

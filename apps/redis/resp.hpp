// SPDX-License-Identifier: MIT
//
// RESP, the protocol of Redis: requests as clients send them, and replies in its versions 2 and 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace redis {

using Args = std::span<const std::string_view>;

/// What a client gets to read before its connection is closed.
struct ProtocolError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Finds a request in the bytes that came, once they are there. It remembers how far it got, so
/// that a large request is not looked at from its beginning each time that a part of it comes.
class RequestParser {
public:
    explicit RequestParser(std::size_t longest_bulk) : longest_bulk_(longest_bulk) {}

    /// True if `input`, which begins where the request before ended, has a whole one. False if it
    /// has not yet; go on with the same and more. Throws ProtocolError.
    bool parse(std::string_view input);

    /// The request, in the bytes of `input`; empty if the line was.
    [[nodiscard]] Args arguments() const { return arguments_; }

    /// How many bytes it took.
    [[nodiscard]] std::size_t size() const { return position_; }

    /// With how many bytes at least it is worth while to call parse() again.
    [[nodiscard]] std::size_t needed() const { return needed_; }

private:
    struct Piece {
        std::size_t begin;
        std::size_t size;
    };

    bool parse_inline(std::string_view input);
    bool parse_bulk(std::string_view input);
    std::optional<std::string_view> take_line(std::string_view input, const char* too_long);

    std::size_t longest_bulk_;
    std::size_t position_ = 0;
    std::size_t needed_ = 1;
    std::int64_t missing_ = -1;  // arguments; -1 before their number is known
    std::int64_t length_ = -1;   // of the next one; -1 before it is known
    bool complete_ = false;
    std::vector<Piece> pieces_;
    std::vector<std::string> words_;  // of a request that is a line
    std::vector<std::string_view> arguments_;
};

/// The integer that all of `text` is, written as Redis writes it.
[[nodiscard]] std::optional<std::int64_t> integer_of(std::string_view text);

/// Replies, one after the other, as bytes.
class Reply {
public:
    std::string text;
    int protocol = 2;

    void simple(std::string_view line);
    void error(std::string_view line);

    void integer(std::int64_t value) { head(':', value); }

    void bulk(std::string_view bytes);
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

private:
    void head(char type, std::int64_t number);
};

/// Appends a request: what clients send, and what the files of the store consist of.
void append_request(std::string& to, Args arguments);

/// A number as Redis shows it.
[[nodiscard]] std::string text_of(double value);

}  // namespace redis

// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

#include <coloop/coloop.hpp>

/// Reads the lines of people with telnet or nc, without telnet's commands and negotiations
/// (RFC 854): nothing is agreed to, so a client stays what it is at first.
class TelnetReader {
public:
    /// `source` must outlive it.
    explicit TelnetReader(coloop::Reader& source) : input_(source, 2048) {}

    /// The next line, without its end; of one that is longer than `limit` the first `limit` + 1
    /// bytes. No value at the end of the stream.
    std::optional<std::string> read_line(std::size_t limit) {
        std::optional<char> letter = next_letter();
        if (!letter) {
            return std::nullopt;
        }
        std::string line;  // which clients that send each key at once end by 0
        for (; letter && *letter != '\n' && *letter != '\0'; letter = next_letter()) {
            if (line.size() <= limit + 1) {
                line += *letter;
            }
        }
        if (line.ends_with('\r')) {
            line.pop_back();
        }
        line.resize(std::min(line.size(), limit + 1));
        return line;
    }

private:
    static constexpr int escape = 255, will = 251, details = 250, end_of_details = 240, end = -1;

    /// The next byte of text; no value at the end of the stream.
    std::optional<char> next_letter() {
        while (true) {
            int byte = next_byte();
            if (byte != escape) {
                return byte == end ? std::nullopt : std::optional(static_cast<char>(byte));
            }
            byte = next_byte();
            if (byte == escape) {
                return static_cast<char>(byte);  // one of the text
            }
            if (byte == details) {
                skip_details();
            } else if (byte >= will) {
                next_byte();  // the option that it will or won't have
            }
        }
    }

    void skip_details() {
        for (int byte = next_byte(); byte != end; byte = next_byte()) {
            if (byte == escape && next_byte() == end_of_details) {
                return;
            }
        }
    }

    int next_byte() {
        if (input_.peek().empty()) {
            return end;
        }
        const auto byte = std::to_integer<int>(input_.buffered().front());
        input_.consume(1);
        return byte;
    }

    coloop::BufReader input_;
};

// SPDX-License-Identifier: MIT
#include "telnet.hpp"

#include <new>

namespace {

constexpr std::byte interpret_as_command{255};
constexpr std::byte will{251};  // then won't, do and don't, each with the number of an option
constexpr std::byte details_follow{250};
constexpr std::byte details_end{240};
constexpr std::byte carriage_return{'\r'};
constexpr std::byte line_feed{'\n'};

}  // namespace

coloop::Result<std::size_t> TelnetReader::read_some(std::span<std::byte> buffer) noexcept {
    while (true) {
        const coloop::Result<std::size_t> count = source_.read(buffer, std::nothrow);
        if (!count || *count == 0) {
            return count;
        }
        std::size_t kept = 0;
        for (const std::byte byte : buffer.first(*count)) {
            if (const std::optional<std::byte> text = take(byte)) {
                buffer[kept++] = *text;
            }
        }
        if (kept > 0) {  // 0 would mean the end of the stream
            return kept;
        }
    }
}

/// What `byte` means as text, if anything.
std::optional<std::byte> TelnetReader::take(std::byte byte) noexcept {
    switch (state_) {
        case State::after_return:
            state_ = State::text;
            if (byte == std::byte{0}) {  // how a client that sends each key at once says "enter"
                return line_feed;
            }
            [[fallthrough]];
        case State::text:
            if (byte == interpret_as_command) {
                state_ = State::command;
                return std::nullopt;
            }
            state_ = byte == carriage_return ? State::after_return : State::text;
            return byte;
        case State::command:
            state_ = byte == details_follow                         ? State::details
                     : byte >= will && byte != interpret_as_command ? State::option
                                                                    : State::text;
            return byte == interpret_as_command ? std::optional(byte) : std::nullopt;
        case State::option:
            state_ = State::text;
            return std::nullopt;
        case State::details:
            state_ = byte == interpret_as_command ? State::end_of_details : State::details;
            return std::nullopt;
        case State::end_of_details:
            state_ = byte == details_end ? State::text : State::details;
            return std::nullopt;
    }
    return std::nullopt;
}

// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <coloop/stream.hpp>

/// Reads what a telnet client sends, without its commands and negotiations (RFC 854): nothing is
/// agreed to, so a client stays what it is at first. What `nc` sends comes through as it is, but
/// for the byte 255, and 0, which ends a line for clients that send each key at once.
class TelnetReader final : public coloop::Reader {
public:
    /// `source` must outlive it.
    explicit TelnetReader(coloop::Reader& source) : source_(source) {}

private:
    enum class State : std::uint8_t { text, command, option, details, end_of_details };

    coloop::Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override {
        while (true) {
            const coloop::Result<std::size_t> count = source_.read(buffer, std::nothrow);
            if (!count || *count == 0) {
                return count;
            }
            const auto came = buffer.first(*count);
            const auto end = std::remove_if(came.begin(), came.end(),
                                            [&](std::byte byte) { return !is_text(byte); });
            std::replace(came.begin(), end, std::byte{0}, std::byte{'\n'});
            if (end != came.begin()) {  // 0 would mean the end of the stream
                return static_cast<std::size_t>(end - came.begin());
            }
        }
    }

    bool is_text(std::byte byte) noexcept {
        constexpr std::byte escape{255}, will{251}, details{250}, details_end{240};
        const State before = state_;
        state_ = State::text;
        if (before == State::details || before == State::end_of_details) {
            const bool escaped = before == State::end_of_details;
            state_ = byte == escape && !escaped       ? State::end_of_details
                     : byte == details_end && escaped ? State::text
                                                      : State::details;
            return false;
        }
        if (before == State::command && byte != escape) {
            state_ = byte == details ? State::details : byte >= will ? State::option : State::text;
            return false;
        }
        if (before == State::text && byte == escape) {
            state_ = State::command;
            return false;
        }
        return before != State::option;
    }

    coloop::Reader& source_;
    State state_ = State::text;
};

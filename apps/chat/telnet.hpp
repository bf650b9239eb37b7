// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <coloop/stream.hpp>

/// Reads what a telnet client sends, without its commands and negotiations (RFC 854): nothing is
/// agreed to, so a client stays what it is at first. What has none of them, such as `nc` sends,
/// comes through as it is, but for the byte 255.
class TelnetReader final : public coloop::Reader {
public:
    /// `source` must outlive it.
    explicit TelnetReader(coloop::Reader& source) : source_(source) {}

private:
    enum class State : std::uint8_t {
        text,
        after_return,
        command,
        option,
        details,
        end_of_details
    };

    coloop::Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override;
    std::optional<std::byte> take(std::byte byte) noexcept;

    coloop::Reader& source_;
    State state_ = State::text;
};

// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <coloop/byte_order.hpp>

/// Numbers and records in a message whose sender is not trusted.

using Message = std::span<const std::byte>;

inline std::uint16_t get16(Message message, std::size_t at) {
    return coloop::load_be<std::uint16_t>(message.subspan(at).first<2>());
}

inline std::uint32_t get32(Message message, std::size_t at) {
    return coloop::load_be<std::uint32_t>(message.subspan(at).first<4>());
}

inline void put16(std::span<std::byte> message, std::size_t at, std::size_t value) {
    std::ranges::copy(coloop::store_be<std::uint16_t>(static_cast<std::uint16_t>(value)),
                      message.subspan(at).begin());
}

inline void put32(std::span<std::byte> message, std::size_t at, std::uint32_t value) {
    std::ranges::copy(coloop::store_be<std::uint32_t>(value), message.subspan(at).begin());
}

inline std::byte folded(std::byte byte) {
    return byte >= std::byte{'A'} && byte <= std::byte{'Z'} ? byte | std::byte{0x20} : byte;
}

/// Where the name at `at` ends; no value if it is broken. A pointer ends it, and is not followed.
inline std::optional<std::size_t> skip_name(Message message, std::size_t at, bool pointers) {
    const std::size_t begin = at;
    while (at < message.size()) {
        const auto length = std::to_integer<std::size_t>(message[at]);
        if (length == 0) {
            return at + 1 - begin <= 255 ? std::optional(at + 1) : std::nullopt;
        }
        if (length >= 0xC0 && pointers) {
            return at + 2 <= message.size() ? std::optional(at + 2) : std::nullopt;
        }
        if (length > 63) {
            return std::nullopt;
        }
        at += 1 + length;
    }
    return std::nullopt;
}

/// A resource record, as far as it concerns us.
struct RecordView {
    std::size_t begin;
    std::uint16_t type;
    std::size_t ttl_at;
    Message data;
    std::size_t end;
};

inline std::optional<RecordView> read_record(Message message, std::size_t at) {
    const std::optional<std::size_t> name_end = skip_name(message, at, true);
    if (!name_end || *name_end + 10 > message.size()) {
        return std::nullopt;
    }
    const std::size_t data = *name_end + 10;
    const std::size_t size = get16(message, *name_end + 8);
    if (data + size > message.size()) {
        return std::nullopt;
    }
    return RecordView{at, get16(message, *name_end), *name_end + 4, message.subspan(data, size),
                      data + size};
}

// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <new>
#include <optional>
#include <string_view>
#include <system_error>

#include <coloop/result.hpp>
#include <coloop/stream.hpp>

/// Numbers as text protocols have them; no locale is asked.
namespace coloop {

/// What has digits.
template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;

namespace detail {

template <Integer T>
Result<void> write_digits(Writer& to, T value, int base) noexcept {
    std::array<char, 8 * sizeof(T) + 1> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), value, base).ptr;
    return to.write(std::string_view(digits.begin(), end), std::nothrow);
}

template <Integer T>
std::optional<T> parse_digits(std::string_view text, int base) noexcept {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

}  // namespace detail

/// Writes `value` in decimal digits; throws what Writer::write() throws.
template <Integer T>
void write_decimal(Writer& to, T value) {
    detail::write_digits(to, value, 10).value();
}

/// The same; returns the Error.
template <Integer T>
Result<void> write_decimal(Writer& to, T value, std::nothrow_t /*tag*/) noexcept {
    return detail::write_digits(to, value, 10);
}

/// Writes `value` in lower-case hexadecimal digits.
template <Integer T>
void write_hex(Writer& to, T value) {
    detail::write_digits(to, value, 16).value();
}

/// The same; returns the Error.
template <Integer T>
Result<void> write_hex(Writer& to, T value, std::nothrow_t /*tag*/) noexcept {
    return detail::write_digits(to, value, 16);
}

/// The number that all of `text` is, in decimal digits; no value if it is none, or too large for
/// T. Takes no spaces and no plus, and a minus only if T has negative values.
template <Integer T>
[[nodiscard]] std::optional<T> parse_decimal(std::string_view text) noexcept {
    return detail::parse_digits<T>(text, 10);
}

/// The same in hexadecimal digits, without "0x".
template <Integer T>
[[nodiscard]] std::optional<T> parse_hex(std::string_view text) noexcept {
    return detail::parse_digits<T>(text, 16);
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>

#include <coloop/result.hpp>
#include <coloop/stream.hpp>

/// Numbers as protocols and file formats have them: `_be` is big-endian, the order of networks,
/// `_le` is little-endian. The type says how many bytes there are, so it must be written:
///
///     coloop::write_be<std::uint16_t>(out, port);
///     const auto size = coloop::read_le<std::uint32_t>(in);
///
/// Small reads and writes want a BufReader and a BufWriter, or a MemoryReader and a MemoryWriter.
namespace coloop {

/// What has an order of bytes: integers, and floating-point numbers in the form of IEEE 754.
template <typename T>
concept Number = (std::integral<T> || std::floating_point<T>)&&!std::same_as<T, bool> &&
                 sizeof(T) <= 8;

namespace detail {

template <std::size_t Size>
using UnsignedOf = std::conditional_t<
    Size == 1, std::uint8_t,
    std::conditional_t<Size == 2, std::uint16_t,
                       std::conditional_t<Size == 4, std::uint32_t, std::uint64_t>>>;

/// Where the byte lies that counts `1 << shift(i)`.
template <std::endian Order>
constexpr std::size_t shift_of(std::size_t index, std::size_t size) noexcept {
    return 8 * (Order == std::endian::big ? size - 1 - index : index);
}

template <Number T, std::endian Order>
constexpr std::array<std::byte, sizeof(T)> bytes_of_number(T value) noexcept {
    const auto bits = std::bit_cast<UnsignedOf<sizeof(T)>>(value);
    std::array<std::byte, sizeof(T)> bytes{};
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        bytes[i] = static_cast<std::byte>(bits >> shift_of<Order>(i, sizeof(T)));
    }
    return bytes;
}

template <Number T, std::endian Order>
constexpr T number_from(std::span<const std::byte, sizeof(T)> bytes) noexcept {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        bits |= static_cast<std::uint64_t>(bytes[i]) << shift_of<Order>(i, sizeof(T));
    }
    return std::bit_cast<T>(static_cast<UnsignedOf<sizeof(T)>>(bits));
}

template <Number T, std::endian Order>
Result<T> read_number(Reader& from) noexcept {
    std::array<std::byte, sizeof(T)> bytes;
    if (const Result<void> done = from.read_exactly(bytes, std::nothrow); !done) {
        return done.error();
    }
    return number_from<T, Order>(bytes);
}

}  // namespace detail

/// The number that `bytes` stand for.
template <Number T>
[[nodiscard]] constexpr T load_be(std::span<const std::byte, sizeof(T)> bytes) noexcept {
    return detail::number_from<T, std::endian::big>(bytes);
}

template <Number T>
[[nodiscard]] constexpr T load_le(std::span<const std::byte, sizeof(T)> bytes) noexcept {
    return detail::number_from<T, std::endian::little>(bytes);
}

/// The bytes that stand for `value`.
template <Number T>
[[nodiscard]] constexpr std::array<std::byte, sizeof(T)> store_be(
    std::type_identity_t<T> value) noexcept {
    return detail::bytes_of_number<T, std::endian::big>(value);
}

template <Number T>
[[nodiscard]] constexpr std::array<std::byte, sizeof(T)> store_le(
    std::type_identity_t<T> value) noexcept {
    return detail::bytes_of_number<T, std::endian::little>(value);
}

/// Writes `value`; throws what Writer::write() throws.
template <Number T>
void write_be(Writer& to, std::type_identity_t<T> value) {
    to.write(store_be<T>(value));
}

/// The same; returns the Error.
template <Number T>
Result<void> write_be(Writer& to, std::type_identity_t<T> value, std::nothrow_t tag) noexcept {
    return to.write(store_be<T>(value), tag);
}

template <Number T>
void write_le(Writer& to, std::type_identity_t<T> value) {
    to.write(store_le<T>(value));
}

template <Number T>
Result<void> write_le(Writer& to, std::type_identity_t<T> value, std::nothrow_t tag) noexcept {
    return to.write(store_le<T>(value), tag);
}

/// Reads a number; throws what Reader::read_exactly() throws, EndOfStream if too few bytes come.
template <Number T>
[[nodiscard]] T read_be(Reader& from) {
    return detail::read_number<T, std::endian::big>(from).value();
}

/// The same; returns the Error.
template <Number T>
Result<T> read_be(Reader& from, std::nothrow_t /*tag*/) noexcept {
    return detail::read_number<T, std::endian::big>(from);
}

template <Number T>
[[nodiscard]] T read_le(Reader& from) {
    return detail::read_number<T, std::endian::little>(from).value();
}

template <Number T>
Result<T> read_le(Reader& from, std::nothrow_t /*tag*/) noexcept {
    return detail::read_number<T, std::endian::little>(from);
}

}  // namespace coloop

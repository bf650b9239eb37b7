// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include <coloop/export.hpp>
#include <coloop/result.hpp>

struct sockaddr;

namespace coloop {

/// An IPv4 or IPv6 address with a port: where a socket is.
class COLOOP_EXPORT Address {
public:
    /// 0.0.0.0:0.
    Address() noexcept;

    /// From a numeric host ("127.0.0.1", "::1", "fe80::1%eth0") and a port. Throws Error (invalid
    /// argument) for anything else; names want resolve().
    static Address parse(std::string_view host, std::uint16_t port) {
        return parse(host, port, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<Address> parse(std::string_view host, std::uint16_t port,
                                 std::nothrow_t tag) noexcept;

    /// From "127.0.0.1:80" or "[::1]:80".
    static Address parse(std::string_view host_and_port) {
        return parse(host_and_port, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<Address> parse(std::string_view host_and_port, std::nothrow_t tag) noexcept;

    /// A copy of a system address of one of the two families; 0.0.0.0:0 for others.
    static Address from_native(const sockaddr* address) noexcept;

    /// From the four or sixteen bytes that stand for a host in messages. Throws Error (invalid
    /// argument) for another number of them.
    static Address from_bytes(std::span<const std::byte> host, std::uint16_t port) {
        return from_bytes(host, port, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<Address> from_bytes(std::span<const std::byte> host, std::uint16_t port,
                                      std::nothrow_t tag) noexcept;

    [[nodiscard]] bool is_ipv6() const noexcept;
    [[nodiscard]] std::uint16_t port() const noexcept;

    /// The same host with another port.
    [[nodiscard]] Address with_port(std::uint16_t port) const noexcept;

    /// "127.0.0.1" or "::1".
    [[nodiscard]] std::string host() const;

    /// The host as the four or sixteen bytes that stand for it in messages; valid while this object
    /// is.
    [[nodiscard]] std::span<const std::byte> host_bytes() const noexcept;

    /// "127.0.0.1:80" or "[::1]:80".
    [[nodiscard]] std::string to_string() const;

    /// For system calls; valid while this object is.
    [[nodiscard]] const sockaddr* native() const noexcept;

    [[nodiscard]] std::size_t hash() const noexcept;

    friend bool operator==(const Address& left, const Address& right) noexcept {
        return left.storage_ == right.storage_;
    }

private:
    Address(const void* native, std::size_t size) noexcept;

    alignas(4) std::array<std::byte, 28> storage_{};  // a sockaddr_in or sockaddr_in6
};

}  // namespace coloop

template <>
struct std::hash<coloop::Address> {
    std::size_t operator()(const coloop::Address& address) const noexcept { return address.hash(); }
};

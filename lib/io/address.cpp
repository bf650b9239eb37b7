// SPDX-License-Identifier: MIT
#include <charconv>
#include <cstring>

#include <uv.h>

#include <coloop/address.hpp>
#include <coloop/uv_error.hpp>

namespace coloop {

namespace {

Error bad_address(std::string_view text) { return {uv_code(UV_EINVAL), "parse address", text}; }

/// Sets the scope from what follows '%', the name of an interface or its number, of which libuv
/// knows the name only; false if there is no such interface.
bool find_interface(std::string_view host, sockaddr_in6& address) {
    const std::size_t percent = host.find('%');
    if (percent == std::string_view::npos || address.sin6_scope_id != 0) {
        return true;
    }
    const std::string_view digits = host.substr(percent + 1);
    const char* end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, address.sin6_scope_id);
    return parsed.ec == std::errc() && parsed.ptr == end && address.sin6_scope_id != 0;
}

/// '%' and the interface of an address that is good on one link only; else nothing.
std::string interface_of(const sockaddr_in6& address) {
    if (address.sin6_scope_id == 0) {
        return {};
    }
    char name[UV_IF_NAMESIZE];
    std::size_t size = sizeof name;
    return '%' + (uv_if_indextoiid(address.sin6_scope_id, name, &size) == 0
                      ? std::string(name, size)
                      : std::to_string(address.sin6_scope_id));
}

}  // namespace

Address::Address() noexcept {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    std::memcpy(storage_.data(), &any, sizeof any);
}

Address::Address(const void* native, std::size_t size) noexcept {
    static_assert(sizeof(sockaddr_in6) == sizeof(storage_));
    std::memcpy(storage_.data(), native, size);
}

Result<Address> Address::parse(std::string_view host, std::uint16_t port,
                               std::nothrow_t /*tag*/) noexcept {
    const std::string text(host);
    sockaddr_in ipv4{};
    sockaddr_in6 ipv6{};
    if (text.find('\0') == std::string::npos) {
        if (uv_ip4_addr(text.c_str(), port, &ipv4) == 0) {
            return Address(&ipv4, sizeof ipv4);
        }
        if (uv_ip6_addr(text.c_str(), port, &ipv6) == 0 && find_interface(text, ipv6)) {
            return Address(&ipv6, sizeof ipv6);
        }
    }
    return bad_address(host);
}

Result<Address> Address::parse(std::string_view host_and_port, std::nothrow_t tag) noexcept {
    const std::size_t colon = host_and_port.rfind(':');
    if (colon == std::string_view::npos) {
        return bad_address(host_and_port);
    }
    std::string_view host = host_and_port.substr(0, colon);
    const std::string_view digits = host_and_port.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        if (host.find(':') == std::string_view::npos) {
            return bad_address(host_and_port);
        }
    } else if (host.find(':') != std::string_view::npos) {
        return bad_address(host_and_port);
    }
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        return bad_address(host_and_port);
    }
    return parse(host, port, tag);
}

Address Address::from_native(const sockaddr* address) noexcept {
    switch (address->sa_family) {
        case AF_INET: {
            auto copy = *reinterpret_cast<const sockaddr_in*>(address);
            std::memset(copy.sin_zero, 0, sizeof copy.sin_zero);  // counts when comparing
            return {&copy, sizeof copy};
        }
        case AF_INET6:
            return {address, sizeof(sockaddr_in6)};
        default:
            return {};
    }
}

Result<Address> Address::from_bytes(std::span<const std::byte> host, std::uint16_t port,
                                    std::nothrow_t /*tag*/) noexcept {
    sockaddr_in ipv4{};
    sockaddr_in6 ipv6{};
    if (host.size() == sizeof ipv4.sin_addr) {
        ipv4.sin_family = AF_INET;
        std::memcpy(&ipv4.sin_addr, host.data(), host.size());
        return Address(&ipv4, sizeof ipv4).with_port(port);
    }
    if (host.size() == sizeof ipv6.sin6_addr) {
        ipv6.sin6_family = AF_INET6;
        std::memcpy(&ipv6.sin6_addr, host.data(), host.size());
        return Address(&ipv6, sizeof ipv6).with_port(port);
    }
    return bad_address(std::to_string(host.size()) + " bytes");
}

const sockaddr* Address::native() const noexcept {
    return reinterpret_cast<const sockaddr*>(storage_.data());
}

bool Address::is_ipv6() const noexcept { return native()->sa_family == AF_INET6; }

std::uint16_t Address::port() const noexcept {
    // Both families keep the port in the same place.
    return ntohs(reinterpret_cast<const sockaddr_in*>(storage_.data())->sin_port);
}

Address Address::with_port(std::uint16_t port) const noexcept {
    Address copy = *this;
    reinterpret_cast<sockaddr_in*>(copy.storage_.data())->sin_port = htons(port);
    return copy;
}

std::string Address::host() const {
    char text[64] = "";
    if (is_ipv6()) {
        const auto* ipv6 = reinterpret_cast<const sockaddr_in6*>(storage_.data());
        uv_ip6_name(ipv6, text, sizeof text);
        return text + interface_of(*ipv6);
    }
    uv_ip4_name(reinterpret_cast<const sockaddr_in*>(storage_.data()), text, sizeof text);
    return text;
}

std::span<const std::byte> Address::host_bytes() const noexcept {
    if (is_ipv6()) {
        const auto* ipv6 = reinterpret_cast<const sockaddr_in6*>(storage_.data());
        return std::as_bytes(std::span(&ipv6->sin6_addr, 1));
    }
    const auto* ipv4 = reinterpret_cast<const sockaddr_in*>(storage_.data());
    return std::as_bytes(std::span(&ipv4->sin_addr, 1));
}

std::string Address::to_string() const {
    const std::string name = host();
    return (is_ipv6() ? '[' + name + ']' : name) + ':' + std::to_string(port());
}

std::size_t Address::hash() const noexcept {
    const auto* bytes = reinterpret_cast<const char*>(storage_.data());
    return std::hash<std::string_view>()({bytes, storage_.size()});
}

}  // namespace coloop

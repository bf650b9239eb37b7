// SPDX-License-Identifier: MIT
#include "socks5_address.hpp"

#include <array>

#include <coloop/byte_order.hpp>

namespace proxy {

namespace {

enum class AddressType : std::uint8_t { ipv4 = 1, name = 3, ipv6 = 4 };

template <std::size_t size>
std::string read_numeric(coloop::Reader& from) {
    std::array<std::byte, size> bytes;
    from.read_exactly(bytes);
    return coloop::Address::from_bytes(bytes, 0).host();
}

}  // namespace

std::optional<Target> read_socks5_address(coloop::Reader& from) {
    Target target;
    switch (AddressType{coloop::read_be<std::uint8_t>(from)}) {
        case AddressType::ipv4:
            target.host = read_numeric<4>(from);
            break;
        case AddressType::ipv6:
            target.host = read_numeric<16>(from);
            break;
        case AddressType::name:
            target.host.resize(coloop::read_be<std::uint8_t>(from));
            from.read_exactly(std::as_writable_bytes(std::span(target.host)));
            break;
        default:
            return std::nullopt;
    }
    target.port = coloop::read_be<std::uint16_t>(from);
    return target;
}

void write_socks5_address(coloop::Writer& to, const coloop::Address& address) {
    const AddressType type = address.is_ipv6() ? AddressType::ipv6 : AddressType::ipv4;
    coloop::write_be<std::uint8_t>(to, static_cast<std::uint8_t>(type));
    to.write(address.host_bytes());
    coloop::write_be<std::uint16_t>(to, address.port());
}

}  // namespace proxy

// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <coloop/tcp.hpp>
#include <coloop/udp.hpp>

#include "access.hpp"
#include "dial.hpp"

namespace proxy {

/// What a UDP ASSOCIATE sets up: datagrams of one client to anywhere and back, as RFC 1928, section
/// 7, wraps them. What can't be relayed is dropped, as the RFC says. Fragments, which it leaves to
/// choice, are.
class UdpAssociation {
public:
    /// `port` is where the client's datagrams will come from, 0 if it did not know.
    UdpAssociation(coloop::TcpStream& client, std::uint16_t port, Proxy& proxy, Access& access);

    /// Where the client is to send them.
    [[nodiscard]] coloop::Address address() const { return inner_.local_address(); }

    /// Until the client ends its connection, which is how an association ends.
    void run();

private:
    void relay_from_client(IdleWatch::Watched& watched);
    void forward(std::span<const std::byte> datagram);
    void relay_to_client(coloop::UdpSocket& outer, IdleWatch::Watched& watched);
    std::optional<coloop::Address> resolve(const Target& target);
    bool is_client(const coloop::Address& sender);

    coloop::TcpStream& connection_;
    Proxy& proxy_;
    Access& access_;
    coloop::Address client_;  // port 0 until it is known
    coloop::UdpSocket inner_;
    coloop::UdpSocket outer_ipv4_;
    coloop::UdpSocket outer_ipv6_;
    std::string last_host_;
    coloop::Address last_address_;
};

}  // namespace proxy

// SPDX-License-Identifier: MIT
#include <optional>

#include <coloop/coloop.h>
#include <coloop/udp.hpp>
#include <coloop/uv_error.hpp>

#include "c_api/guarded.hpp"
#include "c_api/values.hpp"

using namespace coloop::c_api;
using coloop::Address;
using coloop::UdpSocket;

int coloop_udp_bind(const char* host, std::uint16_t port, coloop_udp** udp) {
    const auto local = Address::parse(host, port, std::nothrow);
    return local ? hand_over(UdpSocket::bind(*local, {}, std::nothrow), udp) : fail(local.error());
}

int coloop_udp_connect(const char* host, std::uint16_t port, coloop_udp** udp) {
    const auto peer = Address::parse(host, port, std::nothrow);
    return peer ? hand_over(UdpSocket::connect(*peer, std::nothrow), udp) : fail(peer.error());
}

std::uint16_t coloop_udp_port(const coloop_udp* udp) {
    const auto address = object_of<const UdpSocket>(udp).local_address(std::nothrow);
    return address ? address->port() : std::uint16_t{0};
}

std::int64_t coloop_udp_receive(coloop_udp* udp, void* buffer, std::size_t size,
                                coloop_address* sender) {
    return guarded([&]() -> std::int64_t {
        const auto received =
            object_of<UdpSocket>(udp).receive_from(bytes_at(buffer, size), std::nothrow);
        if (!received) {
            return fail(received.error());
        }
        if (sender != nullptr) {
            store(received->sender, *sender);
        }
        if (received->truncated) {
            return fail(
                {coloop::uv_code(UV_EMSGSIZE), "receive from", received->sender.to_string()});
        }
        return static_cast<std::int64_t>(received->size);
    });
}

int coloop_udp_send(coloop_udp* udp, const void* bytes, std::size_t size,
                    const coloop_address* receiver) {
    auto& socket = object_of<UdpSocket>(udp);
    if (receiver == nullptr) {
        return status_of(socket.send(bytes_at(bytes, size), std::nothrow));
    }
    const auto address = address_of(*receiver);
    return address ? status_of(socket.send_to(bytes_at(bytes, size), *address, std::nothrow))
                   : fail(address.error());
}

void coloop_udp_free(coloop_udp* udp) { delete &object_of<UdpSocket>(udp); }

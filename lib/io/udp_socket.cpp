// SPDX-License-Identifier: MIT
#include <algorithm>
#include <climits>
#include <string>

#include <coloop/udp.hpp>
#include <coloop/uv_error.hpp>

#include "io/udp_node.hpp"

namespace coloop {

namespace {

Error closed(const char* operation) {
    return {Errc::closed, operation, "a UdpSocket that is not open"};
}

/// Numeric text as libuv takes it: with a zero at its end, and null for nothing.
class Name {
public:
    explicit Name(std::string_view text) : text_(text) {}

    [[nodiscard]] const char* get() const noexcept {
        return text_.empty() ? nullptr : text_.c_str();
    }

private:
    std::string text_;
};

int set_membership(uv_udp_t& udp, std::string_view group, std::string_view interface,
                   std::string_view source, uv_membership membership) {
    const Name name(group);
    if (name.get() == nullptr) {
        return UV_EINVAL;
    }
    if (source.empty()) {
        return uv_udp_set_membership(&udp, name.get(), Name(interface).get(), membership);
    }
    return uv_udp_set_source_membership(&udp, name.get(), Name(interface).get(), Name(source).get(),
                                        membership);
}

int set_buffer(int (*set)(uv_handle_t*, int*), uv_udp_t& udp, std::size_t bytes) {
    // Zero would ask libuv instead of telling it.
    int value = static_cast<int>(std::clamp<std::size_t>(bytes, 1, INT_MAX));
    return set(reinterpret_cast<uv_handle_t*>(&udp), &value);
}

Result<void> result_of(int status, const UdpNode& node, const char* operation) {
    return status < 0 ? node.error(status, operation) : Result<void>();
}

}  // namespace

UdpSocket::UdpSocket(UdpNode* node) noexcept : node_(node) { node_->retain(); }

UdpSocket::~UdpSocket() {
    if (node_ != nullptr) {
        node_->start_close();
        node_->release();
    }
}

Result<UdpSocket> UdpSocket::bind(const Address& local, const UdpOptions& options,
                                  std::nothrow_t /*tag*/) noexcept {
    const auto node = UdpNode::create(LoopState::current("bind"), local, options);
    return node ? UdpSocket(node->get()) : Result<UdpSocket>(node.error());
}

Result<UdpSocket> UdpSocket::connect(const Address& peer, std::nothrow_t /*tag*/) noexcept {
    const auto node = UdpNode::connect(LoopState::current("connect"), peer);
    return node ? UdpSocket(node->get()) : Result<UdpSocket>(node.error());
}

Result<UdpSocket> UdpSocket::adopt_descriptor(Descriptor descriptor,
                                              std::nothrow_t /*tag*/) noexcept {
    const auto node =
        UdpNode::adopt(LoopState::current("adopt a descriptor"), std::move(descriptor));
    return node ? UdpSocket(node->get()) : Result<UdpSocket>(node.error());
}

Result<Received> UdpSocket::receive_from(std::span<std::byte> buffer, std::nothrow_t tag) noexcept {
    IncomingDatagram place{buffer, 0, {}, false};
    const Result<std::size_t> count = receive_many({&place, 1}, tag);
    return count ? Received{place.size, place.sender, place.truncated}
                 : Result<Received>(count.error());
}

Result<std::size_t> UdpSocket::receive(std::span<std::byte> buffer, std::nothrow_t tag) noexcept {
    const Result<Received> received = receive_from(buffer, tag);
    if (!received) {
        return received.error();
    }
    if (received->truncated) {
        return Error(uv_code(UV_EMSGSIZE), "receive from", received->sender.to_string());
    }
    return received->size;
}

Result<std::size_t> UdpSocket::receive_many(std::span<IncomingDatagram> places,
                                            std::nothrow_t /*tag*/) noexcept {
    return node_ != nullptr ? node_->receive(places) : closed("receive on");
}

Result<void> UdpSocket::send_to(std::span<const std::byte> data, const Address& receiver,
                                std::nothrow_t tag) noexcept {
    const OutgoingDatagram datagram{data, receiver};
    const Result<std::size_t> sent = send_many({&datagram, 1}, tag);
    return sent ? Result<void>() : sent.error();
}

Result<void> UdpSocket::send(std::span<const std::byte> data, std::nothrow_t tag) noexcept {
    const OutgoingDatagram datagram{data, std::nullopt};
    const Result<std::size_t> sent = send_many({&datagram, 1}, tag);
    return sent ? Result<void>() : sent.error();
}

Result<std::size_t> UdpSocket::send_many(std::span<const OutgoingDatagram> datagrams,
                                         std::nothrow_t /*tag*/) noexcept {
    return node_ != nullptr ? node_->send(datagrams) : closed("send on");
}

Result<void> UdpSocket::set_peer(const Address& peer, std::nothrow_t /*tag*/) noexcept {
    return is_open() ? node_->set_peer(&peer) : closed("set the peer of");
}

Result<void> UdpSocket::clear_peer(std::nothrow_t /*tag*/) noexcept {
    return is_open() ? node_->set_peer(nullptr) : closed("clear the peer of");
}

Result<Address> UdpSocket::local_address(std::nothrow_t /*tag*/) const noexcept {
    constexpr const char* operation = "get the local address of";
    if (!is_open()) {
        return closed(operation);
    }
    sockaddr_storage storage{};
    int length = sizeof storage;
    const int status =
        uv_udp_getsockname(&node_->udp(), reinterpret_cast<sockaddr*>(&storage), &length);
    if (status != 0) {
        return node_->error(status, operation);
    }
    return Address::from_native(reinterpret_cast<sockaddr*>(&storage));
}

Result<Address> UdpSocket::peer_address(std::nothrow_t /*tag*/) const noexcept {
    constexpr const char* operation = "get the peer of";
    if (!is_open()) {
        return closed(operation);
    }
    sockaddr_storage storage{};
    int length = sizeof storage;
    const int status =
        uv_udp_getpeername(&node_->udp(), reinterpret_cast<sockaddr*>(&storage), &length);
    if (status != 0) {
        return node_->error(status, operation);
    }
    return Address::from_native(reinterpret_cast<sockaddr*>(&storage));
}

Result<void> UdpSocket::join_group(std::string_view group, std::string_view interface,
                                   std::string_view source, std::nothrow_t /*tag*/) noexcept {
    if (!is_open()) {
        return closed("join a group on");
    }
    const int status = set_membership(node_->udp(), group, interface, source, UV_JOIN_GROUP);
    return status == 0 ? Result<void>() : Error(uv_code(status), "join group", group);
}

Result<void> UdpSocket::leave_group(std::string_view group, std::string_view interface,
                                    std::string_view source, std::nothrow_t /*tag*/) noexcept {
    if (!is_open()) {
        return closed("leave a group on");
    }
    const int status = set_membership(node_->udp(), group, interface, source, UV_LEAVE_GROUP);
    return status == 0 ? Result<void>() : Error(uv_code(status), "leave group", group);
}

Result<void> UdpSocket::set_multicast_interface(std::string_view interface,
                                                std::nothrow_t /*tag*/) noexcept {
    constexpr const char* operation = "set the multicast interface of";
    if (!is_open()) {
        return closed(operation);
    }
    return result_of(uv_udp_set_multicast_interface(&node_->udp(), Name(interface).get()), *node_,
                     operation);
}

Result<void> UdpSocket::set(const char* operation, int (*apply)(uv_udp_s*, int),
                            int value) noexcept {
    return is_open() ? result_of(apply(&node_->udp(), value), *node_, operation)
                     : closed(operation);
}

Result<void> UdpSocket::set_multicast_loop(bool on, std::nothrow_t /*tag*/) noexcept {
    return set("set multicast loop on", uv_udp_set_multicast_loop, on ? 1 : 0);
}

Result<void> UdpSocket::set_multicast_ttl(int hops, std::nothrow_t /*tag*/) noexcept {
    return set("set multicast ttl on", uv_udp_set_multicast_ttl, hops);
}

Result<void> UdpSocket::set_ttl(int hops, std::nothrow_t /*tag*/) noexcept {
    return set("set ttl on", uv_udp_set_ttl, hops);
}

Result<void> UdpSocket::set_broadcast(bool on, std::nothrow_t /*tag*/) noexcept {
    return set("set broadcast on", uv_udp_set_broadcast, on ? 1 : 0);
}

Result<void> UdpSocket::set_receive_buffer(std::size_t bytes, std::nothrow_t /*tag*/) noexcept {
    constexpr const char* operation = "set the receive buffer of";
    return is_open()
               ? result_of(set_buffer(uv_recv_buffer_size, node_->udp(), bytes), *node_, operation)
               : closed(operation);
}

Result<void> UdpSocket::set_send_buffer(std::size_t bytes, std::nothrow_t /*tag*/) noexcept {
    constexpr const char* operation = "set the send buffer of";
    return is_open()
               ? result_of(set_buffer(uv_send_buffer_size, node_->udp(), bytes), *node_, operation)
               : closed(operation);
}

std::size_t UdpSocket::unsent() const noexcept {
    return is_open() ? uv_udp_get_send_queue_size(&node_->udp()) : 0;
}

void UdpSocket::close() noexcept {
    if (node_ != nullptr) {
        node_->close();
    }
}

bool UdpSocket::is_open() const noexcept { return node_ != nullptr && !node_->closing(); }

uv_udp_s* UdpSocket::uv() const noexcept { return is_open() ? &node_->udp() : nullptr; }

}  // namespace coloop

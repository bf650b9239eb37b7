// SPDX-License-Identifier: MIT
#include "io/udp_node.hpp"

#include <algorithm>
#include <new>
#include <string>

#include <coloop/uv_error.hpp>

#include "io/datagrams.hpp"

namespace coloop {

namespace {

// After so many operations that did not wait, others get a turn.
constexpr unsigned most_immediate = 64;

UdpNode& node_of(const void* handle) {
    return *static_cast<UdpNode*>(
        static_cast<HandleNode*>(static_cast<const uv_handle_t*>(handle)->data));
}

}  // namespace

/// What one coroutine wants to receive, and what came of it.
struct UdpNode::Receiver {
    std::span<IncomingDatagram> places;
    int status = 0;
    bool served = false;
};

Error UdpNode::error(int status, const char* operation) const {
    return {uv_code(status), operation, describe()};
}

Error UdpNode::error(Errc code, const char* operation) const {
    return {code, operation, describe()};
}

Result<NodePtr<UdpNode>> UdpNode::open(LoopState& state, unsigned family, const char* operation,
                                       const std::string& object) noexcept {
    NodePtr<UdpNode> node(new (std::nothrow) UdpNode(state));
    const int status =
        node ? uv_udp_init_ex(state.uv(), &node->udp_, family) : static_cast<int>(UV_ENOMEM);
    if (status != 0) {
        return Error(uv_code(status), operation, object);
    }
    node->opened();
    return node;
}

Result<NodePtr<UdpNode>> UdpNode::create(LoopState& state, const Address& local,
                                         const UdpOptions& options) noexcept {
    constexpr const char* operation = "bind";
    Result<NodePtr<UdpNode>> node =
        open(state, local.is_ipv6() ? AF_INET6 : AF_INET, operation, local.to_string());
    if (!node) {
        return node;
    }
    int status = prepare_udp(&(*node)->udp_, local.is_ipv6(), options);
    if (status == 0) {
        status = uv_udp_bind(&(*node)->udp_, local.native(),
                             options.reuse_address ? UV_UDP_REUSEADDR : 0);
    }
    if (status != 0) {
        (*node)->start_close();
        return Error(uv_code(status), operation, local.to_string());
    }
    (*node)->learn_local_address();
    return node;
}

Result<NodePtr<UdpNode>> UdpNode::connect(LoopState& state, const Address& peer) noexcept {
    Result<NodePtr<UdpNode>> node =
        open(state, peer.is_ipv6() ? AF_INET6 : AF_INET, "connect", peer.to_string());
    if (!node) {
        return node;
    }
    if (const Result<void> connected = (*node)->set_peer(&peer); !connected) {
        (*node)->start_close();
        return connected.error();
    }
    return node;
}

Result<NodePtr<UdpNode>> UdpNode::adopt(LoopState& state, Descriptor descriptor) noexcept {
    constexpr const char* operation = "adopt";
    const auto number = static_cast<uv_os_sock_t>(descriptor.native());
    const std::string name = "descriptor " + std::to_string(number);
    const DescriptorKind kind = descriptor.kind();
    if (kind != DescriptorKind::udp_socket && kind != DescriptorKind::unknown) {
        return Error(uv_code(UV_EINVAL), operation, name);  // some of which libuv would take
    }
    Result<NodePtr<UdpNode>> node = open(state, AF_UNSPEC, operation, name);
    if (!node) {
        return node;
    }
    if (const int status = uv_udp_open(&(*node)->udp_, number)) {
        (*node)->start_close();
        return Error(uv_code(status), operation, name);
    }
    static_cast<void>(descriptor.release());  // libuv closes it
    (*node)->learn_local_address();
    sockaddr_storage peer{};
    int length = sizeof peer;
    if (uv_udp_getpeername(&(*node)->udp_, reinterpret_cast<sockaddr*>(&peer), &length) == 0) {
        (*node)->has_peer_ = true;
        (*node)->peer_ = Address::from_native(reinterpret_cast<sockaddr*>(&peer));
    }
    return node;
}

void UdpNode::learn_local_address() noexcept {
    sockaddr_storage storage{};
    int length = sizeof storage;
    if (uv_udp_getsockname(&udp_, reinterpret_cast<sockaddr*>(&storage), &length) == 0) {
        local_ = Address::from_native(reinterpret_cast<sockaddr*>(&storage));
    }
}

Result<void> UdpNode::set_peer(const Address* peer) noexcept {
    if (has_peer_ || peer == nullptr) {  // libuv wants the one given up before the other is set
        if (const int status = uv_udp_connect(&udp_, nullptr)) {
            return error(status, "clear the peer of");
        }
        has_peer_ = false;
    }
    if (peer != nullptr) {
        if (const int status = uv_udp_connect(&udp_, peer->native())) {
            return Error(uv_code(status), "connect", peer->to_string());
        }
        has_peer_ = true;
        peer_ = *peer;
    }
    learn_local_address();
    return {};
}

/// Lets others run when this socket has been served without waiting for long; false if cancelled.
bool UdpNode::give_way() noexcept {
    if (++immediate_ < most_immediate) {
        return true;
    }
    immediate_ = 0;
    return state().wait_turn();
}

int UdpNode::start_receiving() noexcept {
    if (receiving_) {
        return 0;
    }
    const int status = uv_udp_recv_start(&udp_, on_alloc, on_receive);
    receiving_ = status == 0;
    return status;
}

void UdpNode::pause_receiving() noexcept {
    uv_udp_recv_stop(&udp_);
    receiving_ = false;
}

void UdpNode::on_alloc(uv_handle_t* handle, std::size_t /*suggested*/, uv_buf_t* buffer) noexcept {
    UdpNode& node = node_of(handle);
    if (node.receivers_.empty()) {
        *buffer = uv_buf_init(nullptr, 0);
        return;
    }
    std::span<std::byte> target = node.receivers_.first().places.front().buffer;
    if (target.empty()) {  // which libuv would take for a refusal
        target = {&node.spare_, 1};
    }
    *buffer = uv_buf_init(reinterpret_cast<char*>(target.data()),
                          static_cast<unsigned>(std::min(target.size(), largest_datagram)));
}

void UdpNode::on_receive(uv_udp_t* udp, ssize_t count, const uv_buf_t* /*buffer*/,
                         const sockaddr* sender, unsigned flags) noexcept {
    UdpNode& node = node_of(udp);
    if (count == UV_ENOBUFS && node.receivers_.empty()) {
        node.more_may_be_ = true;
        if (++node.unreceived_ > 1) {
            node.pause_receiving();
        }
        return;
    }
    if ((count == 0 && sender == nullptr) || node.receivers_.empty()) {
        return;  // there was nothing after all
    }
    node.unreceived_ = 0;
    Receiver& receiver = node.receivers_.first();
    receiver.served = true;
    if (count < 0) {
        receiver.status = static_cast<int>(count);
    } else {
        IncomingDatagram& place = receiver.places.front();
        place.size = std::min(static_cast<std::size_t>(count), place.buffer.size());
        place.sender = Address::from_native(sender);
        place.truncated =
            (flags & UV_UDP_PARTIAL) != 0 || place.size < static_cast<std::size_t>(count);
        node.more_may_be_ = true;
    }
    node.receivers_.wake_one();
}

Result<std::size_t> UdpNode::receive(std::span<IncomingDatagram> places) noexcept {
    require_here("receive");
    if (Wait::already_cancelled()) {
        return error(Errc::cancelled, "receive on");
    }
    const NodePtr<UdpNode> hold(this);
    if (more_may_be_ && !give_way()) {
        return error(Errc::cancelled, "receive on");
    }
    if (closing()) {
        return error(Errc::closed, "receive on");
    }
    if (places.empty()) {
        return std::size_t{0};
    }
    if (failure_ != 0) {
        return error(std::exchange(failure_, 0), "receive on");
    }
    if (more_may_be_ && receivers_.empty()) {
        const int taken = take_datagrams(&udp_, places);
        more_may_be_ = taken > 0;
        if (taken > 0) {
            unreceived_ = 0;
            return static_cast<std::size_t>(taken);
        }
        if (taken != UV_EAGAIN) {
            return error(taken, "receive on");
        }
    }
    return wait_receive(places);
}

/// Waits until libuv has received one, and takes the others that came with it.
Result<std::size_t> UdpNode::wait_receive(std::span<IncomingDatagram> places) noexcept {
    if (const int status = start_receiving()) {
        return error(status, "receive on");
    }
    immediate_ = 0;
    Receiver receiver{places};
    if (!receivers_.wait(receiver)) {
        return error(Errc::cancelled, "receive on");
    }
    if (!receiver.served) {
        return error(Errc::closed, "receive on");
    }
    if (receiver.status != 0) {
        return error(receiver.status, "receive on");
    }
    std::size_t count = 1;
    if (places.size() > 1 && receivers_.empty() && !closing()) {
        take_others(places, count);
    }
    return count;
}

/// Takes what is there for the places behind the first `count`.
void UdpNode::take_others(std::span<IncomingDatagram> places, std::size_t& count) noexcept {
    const int taken = take_datagrams(&udp_, places.subspan(count));
    more_may_be_ = taken > 0;
    if (taken > 0) {
        count += static_cast<std::size_t>(taken);
    } else if (taken != UV_EAGAIN) {
        failure_ = taken;
    }
}

}  // namespace coloop

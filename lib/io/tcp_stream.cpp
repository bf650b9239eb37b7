// SPDX-License-Identifier: MIT
#include <algorithm>
#include <climits>

#include <coloop/tcp.hpp>
#include <coloop/uv_error.hpp>

#include "io/listen_socket.hpp"
#include "io/tcp_node.hpp"

namespace coloop {

TcpStream::TcpStream(TcpNode* node) noexcept : StreamHandle(node) {}

TcpNode& TcpStream::node() const noexcept { return static_cast<TcpNode&>(*StreamHandle::node()); }

Result<TcpStream> TcpStream::adopt_descriptor(Descriptor descriptor,
                                              std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("adopt a descriptor");
    const auto failed = [](int status) {
        return Error(uv_code(status), "adopt", "a descriptor as a TcpStream");
    };
    if (descriptor.kind() != DescriptorKind::tcp_stream) {
        return failed(UV_EINVAL);
    }
    const Address peer = peer_address_of(static_cast<int>(descriptor.native()));
    if (peer == Address()) {
        return failed(UV_ENOTCONN);
    }
    const Result<NodePtr<TcpNode>> node =
        TcpNode::adopt(state, static_cast<int>(descriptor.release()), peer);
    if (!node) {
        return node.error();
    }
    return TcpStream(node->get());
}

void TcpStream::reset() noexcept {
    if (is_open()) {
        node().start_reset();
    }
    close();
}

Result<Address> TcpStream::local_address(std::nothrow_t /*tag*/) const noexcept {
    constexpr const char* operation = "get the local address of";
    if (!is_open()) {
        return closed(operation);
    }
    sockaddr_storage storage{};
    int length = sizeof storage;
    if (const int status =
            uv_tcp_getsockname(&node().tcp(), reinterpret_cast<sockaddr*>(&storage), &length)) {
        return node().error(status, operation);
    }
    return Address::from_native(reinterpret_cast<const sockaddr*>(&storage));
}

Result<Address> TcpStream::peer_address(std::nothrow_t /*tag*/) const noexcept {
    if (!is_open()) {
        return closed("get the peer of");
    }
    return node().peer();
}

Result<void> TcpStream::set_no_delay(bool on, std::nothrow_t /*tag*/) noexcept {
    constexpr const char* operation = "set no delay on";
    if (!is_open()) {
        return closed(operation);
    }
    if (const int status = uv_tcp_nodelay(&node().tcp(), on ? 1 : 0)) {
        return node().error(status, operation);
    }
    return {};
}

Result<void> TcpStream::set_keep_alive(std::chrono::seconds idle, std::nothrow_t /*tag*/) noexcept {
    constexpr const char* operation = "set keep alive on";
    if (!is_open()) {
        return closed(operation);
    }
    const int on = idle.count() > 0 ? 1 : 0;
    const auto delay = std::clamp<std::chrono::seconds::rep>(idle.count(), 0, INT_MAX);
    if (const int status = uv_tcp_keepalive(&node().tcp(), on, static_cast<unsigned>(delay))) {
        return node().error(status, operation);
    }
    return {};
}

Result<void> TcpStream::set_keep_alive(std::chrono::seconds idle, std::chrono::seconds interval,
                                       int count, std::nothrow_t tag) noexcept {
    constexpr const char* operation = "set keep alive on";
    if (!is_open()) {
        return closed(operation);
    }
    if (interval.count() <= 0 || count <= 0 || idle.count() <= 0) {
        return node().error(UV_EINVAL, operation);
    }
    if (Result<void> on = set_keep_alive(idle, tag); !on) {
        return on;
    }
    if (const int status = set_probes(node().descriptor(), interval.count(), count)) {
        return node().error(status, operation);
    }
    return {};
}

Result<void> TcpStream::set_receive_buffer(std::size_t bytes, std::nothrow_t /*tag*/) noexcept {
    return set_buffer("set the receive buffer of", uv_recv_buffer_size, bytes);
}

Result<void> TcpStream::set_send_buffer(std::size_t bytes, std::nothrow_t /*tag*/) noexcept {
    return set_buffer("set the send buffer of", uv_send_buffer_size, bytes);
}

Result<void> TcpStream::set_buffer(const char* operation, SetBuffer set,
                                   std::size_t bytes) noexcept {
    if (!is_open()) {
        return closed(operation);
    }
    // Zero would ask libuv instead of telling it.
    int value = static_cast<int>(std::clamp<std::size_t>(bytes, 1, INT_MAX));
    if (const int status = set(reinterpret_cast<uv_handle_t*>(uv()), &value)) {
        return node().error(status, operation);
    }
    return {};
}

uv_tcp_s* TcpStream::uv() const noexcept { return is_open() ? &node().tcp() : nullptr; }

}  // namespace coloop

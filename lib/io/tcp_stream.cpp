// SPDX-License-Identifier: MIT
#include <coloop/dns.hpp>
#include <coloop/tcp.hpp>
#include <coloop/uv_error.hpp>

#include "io/tcp_node.hpp"

namespace coloop {

TcpStream::TcpStream(TcpNode* node) noexcept : StreamHandle(node) {}

TcpNode& TcpStream::node() const noexcept { return static_cast<TcpNode&>(*StreamHandle::node()); }

Result<TcpStream> TcpStream::connect(const Address& address, std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("connect");
    if (Wait::already_cancelled()) {
        return Error(Errc::cancelled, "connect", address.to_string());
    }
    const Result<NodePtr<TcpNode>> node = TcpNode::create(state, address);
    if (!node) {
        return node.error();
    }
    TcpStream stream(node->get());
    if (const Result<void> connected = (*node)->connect(); !connected) {
        return connected.error();
    }
    return stream;
}

Result<TcpStream> TcpStream::connect(std::string_view host, std::uint16_t port,
                                     std::nothrow_t tag) noexcept {
    const Result<std::vector<Address>> addresses = resolve(host, tag);
    if (!addresses) {
        return addresses.error();
    }
    Result<TcpStream> stream = Error(uv_code(UV_EAI_NONAME), "connect", host);
    for (const Address& address : *addresses) {
        stream = connect(address.with_port(port), tag);
        if (stream || stream.error().code() == Errc::cancelled) {
            break;
        }
    }
    return stream;
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
    if (const int status =
            uv_tcp_keepalive(&node().tcp(), on, static_cast<unsigned>(idle.count()))) {
        return node().error(status, operation);
    }
    return {};
}

uv_tcp_s* TcpStream::uv() const noexcept { return is_open() ? &node().tcp() : nullptr; }

}  // namespace coloop

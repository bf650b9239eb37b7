// SPDX-License-Identifier: MIT
#include <utility>

#include <coloop/dns.hpp>
#include <coloop/tcp.hpp>
#include <coloop/uv_error.hpp>

#include "io/tcp_node.hpp"

namespace coloop {

namespace {

Error closed(const char* operation) {
    return {Errc::closed, operation, "a TcpStream that is not open"};
}

}  // namespace

TcpStream::TcpStream(TcpNode* node) noexcept : node_(node) { node_->retain(); }

TcpStream::TcpStream(TcpStream&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}

TcpStream& TcpStream::operator=(TcpStream&& other) noexcept {
    TcpStream taken(std::move(other));
    std::swap(node_, taken.node_);
    return *this;
}

TcpStream::~TcpStream() {
    if (node_ != nullptr) {
        node_->start_close();
        node_->release();
    }
}

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

Result<std::size_t> TcpStream::read_some(std::span<std::byte> buffer) noexcept {
    return node_ != nullptr ? node_->read(buffer) : closed("read");
}

Result<void> TcpStream::write_all(std::span<const std::span<const std::byte>> pieces) noexcept {
    return node_ != nullptr ? node_->write(pieces) : closed("write");
}

Result<void> TcpStream::end_writing() noexcept {
    return node_ != nullptr ? node_->shutdown() : closed("shut down");
}

void TcpStream::close() noexcept {
    if (node_ != nullptr) {
        node_->close();
    }
}

void TcpStream::reset() noexcept {
    if (node_ != nullptr) {
        node_->start_reset();
        node_->close();
    }
}

bool TcpStream::is_open() const noexcept { return node_ != nullptr && !node_->closing(); }

Result<Address> TcpStream::local_address(std::nothrow_t /*tag*/) const noexcept {
    constexpr const char* operation = "get the local address of";
    if (!is_open()) {
        return closed(operation);
    }
    sockaddr_storage storage{};
    int length = sizeof storage;
    if (const int status =
            uv_tcp_getsockname(&node_->tcp(), reinterpret_cast<sockaddr*>(&storage), &length)) {
        return node_->error(status, operation);
    }
    return Address::from_native(reinterpret_cast<const sockaddr*>(&storage));
}

Result<Address> TcpStream::peer_address(std::nothrow_t /*tag*/) const noexcept {
    if (!is_open()) {
        return closed("get the peer of");
    }
    return node_->peer();
}

Result<void> TcpStream::set_no_delay(bool on, std::nothrow_t /*tag*/) noexcept {
    constexpr const char* operation = "set no delay on";
    if (!is_open()) {
        return closed(operation);
    }
    if (const int status = uv_tcp_nodelay(&node_->tcp(), on ? 1 : 0)) {
        return node_->error(status, operation);
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
            uv_tcp_keepalive(&node_->tcp(), on, static_cast<unsigned>(idle.count()))) {
        return node_->error(status, operation);
    }
    return {};
}

uv_tcp_s* TcpStream::uv() const noexcept { return is_open() ? &node_->tcp() : nullptr; }

}  // namespace coloop

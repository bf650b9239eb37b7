// SPDX-License-Identifier: MIT
#include <utility>

#include <coloop/tcp.hpp>
#include <coloop/uv_error.hpp>

#include "io/listener_node.hpp"
#include "io/tcp_node.hpp"

namespace coloop {

TcpListener::TcpListener(const Address& address, const ListenOptions& options)
    : TcpListener(listen(address, options, std::nothrow).value()) {}

Result<TcpListener> TcpListener::listen(const Address& address, const ListenOptions& options,
                                        std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("listen");
    const int socket = open_listen_socket(address, options);
    if (socket < 0) {
        return Error(uv_code(socket), "listen on", address.to_string());
    }
    return listener_of(state, Descriptor(NativeDescriptor{socket}));
}

Result<TcpListener> TcpListener::adopt_descriptor(Descriptor descriptor,
                                                  std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("adopt a descriptor");
    if (descriptor.kind() != DescriptorKind::tcp_listener) {
        return Error(uv_code(UV_EINVAL), "adopt", "a descriptor as a TcpListener");
    }
    return listener_of(state, std::move(descriptor));
}

Result<TcpListener> TcpListener::listener_of(LoopState& state, Descriptor socket) noexcept {
    std::string name = local_address_of(static_cast<int>(socket.native())).to_string();
    const Result<NodePtr<ListenerNode>> node =
        ListenerNode::create(state, std::move(socket), std::move(name));
    if (!node) {
        return node.error();
    }
    return TcpListener(node->get());
}

Result<TcpStream> TcpListener::accept(std::nothrow_t /*tag*/) noexcept {
    if (node() == nullptr) {
        return Error(Errc::closed, "accept", "a TcpListener that is not open");
    }
    const NodePtr<ListenerNode> hold(node());  // this object may be moved while the coroutine waits
    const Result<Accepted> accepted = hold->accept();
    if (!accepted) {
        return accepted.error();
    }
    const Result<NodePtr<TcpNode>> stream =
        TcpNode::adopt(hold->state(), accepted->descriptor, accepted->peer);
    if (!stream) {
        return stream.error();
    }
    return TcpStream(stream->get());
}

Address TcpListener::local_address() const noexcept {
    return node() == nullptr ? Address() : node()->local_address();
}

}  // namespace coloop

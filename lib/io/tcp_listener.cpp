// SPDX-License-Identifier: MIT
#include <utility>

#include <coloop/tcp.hpp>

#include "io/listener_node.hpp"
#include "io/tcp_node.hpp"

namespace coloop {

TcpListener::TcpListener(const Address& address, const ListenOptions& options)
    : TcpListener(listen(address, options, std::nothrow).value()) {}

TcpListener::TcpListener(ListenerNode* node) noexcept : node_(node) { node_->retain(); }

Result<TcpListener> TcpListener::listen(const Address& address, const ListenOptions& options,
                                        std::nothrow_t /*tag*/) noexcept {
    const Result<NodePtr<ListenerNode>> node =
        ListenerNode::create(LoopState::current("listen"), address, options);
    if (!node) {
        return node.error();
    }
    return TcpListener(node->get());
}

TcpListener::TcpListener(TcpListener&& other) noexcept
    : node_(std::exchange(other.node_, nullptr)) {}

TcpListener& TcpListener::operator=(TcpListener&& other) noexcept {
    TcpListener taken(std::move(other));
    std::swap(node_, taken.node_);
    return *this;
}

TcpListener::~TcpListener() {
    if (node_ != nullptr) {
        node_->start_close();
        node_->release();
    }
}

Result<TcpStream> TcpListener::accept(std::nothrow_t /*tag*/) noexcept {
    if (node_ == nullptr) {
        return Error(Errc::closed, "accept", "a TcpListener that is not open");
    }
    const NodePtr<ListenerNode> hold(node_);  // this object may be moved while the coroutine waits
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

void TcpListener::close() noexcept {
    if (node_ != nullptr) {
        node_->close();
    }
}

Address TcpListener::local_address() const noexcept {
    return node_ == nullptr ? Address() : node_->local_address();
}

}  // namespace coloop

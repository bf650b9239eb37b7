// SPDX-License-Identifier: MIT
#include "io/tcp_node.hpp"

#include <new>

#include <coloop/uv_error.hpp>

#include "io/listen_socket.hpp"
#include "io/stream_request.hpp"

namespace coloop {

Result<NodePtr<TcpNode>> TcpNode::create(LoopState& state, const Address& peer) noexcept {
    NodePtr<TcpNode> node(new (std::nothrow) TcpNode(state, peer));
    if (!node) {
        return Error(uv_code(UV_ENOMEM), "connect", peer.to_string());
    }
    if (const int status = uv_tcp_init(state.uv(), &node->tcp_)) {
        return Error(uv_code(status), "connect", peer.to_string());
    }
    node->opened();
    return node;
}

Result<NodePtr<TcpNode>> TcpNode::adopt(LoopState& state, int descriptor,
                                        const Address& peer) noexcept {
    Result<NodePtr<TcpNode>> node = create(state, peer);
    if (!node) {
        close_socket(descriptor);
        return Error(node.error().code(), "accept", peer.to_string());
    }
    if (const int status = uv_tcp_open(&(*node)->tcp_, descriptor)) {
        close_socket(descriptor);
        (*node)->start_close();
        return Error(uv_code(status), "accept", peer.to_string());
    }
    return node;
}

Result<void> TcpNode::connect(const Address* local) noexcept {
    if (local != nullptr) {
        if (const int status = uv_tcp_bind(&tcp_, local->native(), 0)) {
            return error(status, "connect");
        }
    }
    StreamRequest<uv_connect_t> request(*this, "connect");
    return request.wait(
        uv_tcp_connect(&request.uv, &tcp_, peer_.native(), StreamRequest<uv_connect_t>::on_done));
}

void TcpNode::start_reset() noexcept {
    reset_ = true;
    start_close();
}

void TcpNode::close_handle() noexcept {
    // libuv refuses it after a shutdown, because some systems do nothing then; others can.
    if (reset_ && was_shut_down()) {
        discard_on_close(descriptor());
    } else if (reset_ && uv_tcp_close_reset(&tcp_, on_closed) == 0) {
        return;
    }
    StreamNode::close_handle();
}

}  // namespace coloop

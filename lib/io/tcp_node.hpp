// SPDX-License-Identifier: MIT
#pragma once

#include <uv.h>

#include <coloop/address.hpp>

#include "io/stream_node.hpp"

namespace coloop {

class TcpNode final : public StreamNode {
public:
    /// A socket that is not connected yet to `peer`; null and the status if the system refuses.
    static Result<NodePtr<TcpNode>> create(LoopState& state, const Address& peer) noexcept;

    /// The node of a connected descriptor, which it takes over, also on failure.
    static Result<NodePtr<TcpNode>> adopt(LoopState& state, int descriptor,
                                          const Address& peer) noexcept;

    /// `local` is where this end is to be; null for anywhere.
    Result<void> connect(const Address* local) noexcept;

    /// Like start_close(), with a reset for the peer.
    void start_reset() noexcept;

    void start_abort() noexcept override { start_reset(); }

    [[nodiscard]] uv_tcp_t& tcp() noexcept { return tcp_; }

    [[nodiscard]] const Address& peer() const noexcept { return peer_; }

    [[nodiscard]] std::string describe() const override { return peer_.to_string(); }

private:
    TcpNode(LoopState& state, const Address& peer) noexcept
        : StreamNode(state, reinterpret_cast<uv_stream_t*>(&tcp_)), peer_(peer) {}

    ~TcpNode() override = default;

    void close_handle() noexcept override;

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&tcp_);
    }

    uv_tcp_t tcp_;
    Address peer_;
    bool reset_ = false;
};

}  // namespace coloop

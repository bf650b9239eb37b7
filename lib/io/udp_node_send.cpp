// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include <coloop/uv_error.hpp>

#include "io/datagrams.hpp"
#include "io/request.hpp"
#include "io/udp_node.hpp"

namespace coloop {

namespace {

uv_buf_t buffer_of(std::span<const std::byte> data) {
    // libuv's buffers are not const, but it only reads from those it sends.
    return uv_buf_init(const_cast<char*>(reinterpret_cast<const char*>(data.data())),
                       static_cast<unsigned>(data.size()));
}

const sockaddr* native(const OutgoingDatagram& datagram) {
    return datagram.receiver ? datagram.receiver->native() : nullptr;
}

}  // namespace

/// A datagram that the system had no room for. libuv and the node know it, so it is abandoned
/// rather than taken back.
class UdpNode::Unsent final : public PoolRequest {
public:
    Unsent(UdpNode& node, const OutgoingDatagram& datagram)
        : PoolRequest(node.state(), reinterpret_cast<uv_req_t*>(&uv_), {"send", &node}),
          node_(&node),
          data_(datagram.data.begin(), datagram.data.end()) {
        uv_.data = this;
    }

    int start(const OutgoingDatagram& datagram) noexcept {
        const uv_buf_t buffer = buffer_of(data_);
        const int answer = started(uv_udp_send(&uv_, &node_->udp_, &buffer, 1, native(datagram),
                                               [](uv_udp_send_t* uv, int status) {
                                                   auto* unsent = static_cast<Unsent*>(uv->data);
                                                   unsent->status_ = status;
                                                   unsent->node_->unsent_ = false;
                                                   unsent->node_->senders_.wake_all();
                                                   unsent->finished();
                                               }));
        node_->unsent_ = answer == 0;
        return answer;
    }

    [[nodiscard]] int status() const noexcept { return status_; }

private:
    uv_udp_send_t uv_;
    NodePtr<UdpNode> node_;
    std::vector<std::byte> data_;
    int status_ = 0;
};

Error UdpNode::send_error(std::error_code code, const OutgoingDatagram& datagram) const {
    const Address& to = datagram.receiver ? *datagram.receiver : peer_;
    return {code, "send to", to.to_string()};
}

/// Waits while a datagram that the system has no room for is before this one.
Result<void> UdpNode::wait_for_room(const OutgoingDatagram& datagram) noexcept {
    if (Wait::already_cancelled()) {
        return send_error(make_error_code(Errc::cancelled), datagram);
    }
    while (unsent_ && !closing()) {
        immediate_ = 0;
        if (!senders_.wait(std::nothrow)) {
            return send_error(make_error_code(Errc::cancelled), datagram);
        }
    }
    if (closing()) {
        return send_error(make_error_code(Errc::closed), datagram);
    }
    return {};
}

/// Sends without waiting; how many, or libuv's code if not even the first.
int UdpNode::try_send(std::span<const OutgoingDatagram> datagrams) noexcept {
    const auto misaddressed =
        std::find_if(datagrams.begin(), datagrams.end(), [&](const OutgoingDatagram& datagram) {
            return datagram.receiver.has_value() == has_peer_;
        });
    if (misaddressed == datagrams.begin()) {
        return has_peer_ ? UV_EISCONN : UV_EDESTADDRREQ;
    }
    datagrams = {datagrams.begin(), misaddressed};
    if (datagrams.size() > 1) {
        if (const int given = give_datagrams(&udp_, datagrams); given != UV_ENOSYS) {
            return given;
        }
    }
    if (datagrams.front().data.size() > largest_datagram) {
        return UV_EMSGSIZE;
    }
    const uv_buf_t buffer = buffer_of(datagrams.front().data);
    const int status = uv_udp_try_send(&udp_, &buffer, 1, native(datagrams.front()));
    return status < 0 ? status : 1;
}

Result<void> UdpNode::send_later(const OutgoingDatagram& datagram) {
    immediate_ = 0;
    const RequestPtr<Unsent> unsent(new Unsent(*this, datagram));
    if (const int status = unsent->start(datagram)) {
        return send_error(uv_code(status), datagram);
    }
    if (!unsent->wait(PoolRequest::Kind::committed)) {
        return send_error(make_error_code(Errc::cancelled), datagram);
    }
    if (unsent->status() == UV_ECANCELED && closing()) {
        return send_error(make_error_code(Errc::closed), datagram);
    }
    if (unsent->status() != 0) {
        return send_error(uv_code(unsent->status()), datagram);
    }
    return {};
}

Result<std::size_t> UdpNode::send(std::span<const OutgoingDatagram> datagrams) noexcept {
    require_here("send");
    const NodePtr<UdpNode> hold(this);
    std::size_t sent = 0;
    while (sent < datagrams.size()) {
        const OutgoingDatagram& next = datagrams[sent];
        Result<void> result = wait_for_room(next);
        const int given = result ? try_send(datagrams.subspan(sent)) : 0;
        if (given > 0) {
            sent += static_cast<std::size_t>(given);
            // What is sent is sent; a caller that was cancelled learns of it when it next waits.
            static_cast<void>(give_way());
            continue;
        }
        if (given == UV_EAGAIN) {
            result = send_later(next);
        } else if (given < 0) {
            result = send_error(uv_code(given), next);
        }
        if (result) {
            ++sent;
        } else {
            return sent > 0 ? Result<std::size_t>(sent) : result.error();
        }
    }
    return sent;
}

}  // namespace coloop

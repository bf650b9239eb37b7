// SPDX-License-Identifier: MIT
#include "io/listener_node.hpp"

#include <new>
#include <utility>

#include <coloop/uv_error.hpp>

namespace coloop {

namespace {

constexpr int batch = 16;                    // accepted per round of the loop
constexpr std::uint64_t pause = 50'000'000;  // after the system had no room

}  // namespace

Result<NodePtr<ListenerNode>> ListenerNode::create(LoopState& state, Descriptor socket,
                                                   std::string name, SocketFile file) noexcept {
    const NodePtr<ListenerNode> node(new (std::nothrow) ListenerNode(
        state, std::move(socket), std::move(name), std::move(file)));
    if (!node) {
        return Error(uv_code(UV_ENOMEM), "listen");
    }
    if (const int status = uv_poll_init(state.uv(), &node->poll_, node->number())) {
        return Error(uv_code(status), "listen on", node->name_);
    }
    node->opened();
    node->watch();
    return NodePtr<ListenerNode>(node.get());
}

Result<Accepted> ListenerNode::accept() noexcept {
    require_here("accept");
    if (Wait::already_cancelled()) {
        return error(Errc::cancelled);
    }
    const NodePtr<ListenerNode> hold(this);
    for (bool in_turn = false; !closing(); in_turn = true) {
        const std::size_t in_hand = accepted_.size() + (failure_ != 0 ? 1 : 0);
        if (in_hand > (in_turn ? 0 : promised_)) {
            return take();
        }
        if (!is_set() && !stopped_) {
            watch();
        }
        if (!waiters_.wait(std::nothrow)) {
            return error(Errc::cancelled);
        }
        --promised_;
    }
    return error(make_error_code(Errc::closed));
}

/// The first connection in hand; if there is none, the failure.
Result<Accepted> ListenerNode::take() noexcept {
    if (accepted_.empty()) {
        return error(uv_code(std::exchange(failure_, 0)));
    }
    const Accepted next = accepted_.front();
    accepted_.pop_front();
    if (stopped_ && accepted_.empty()) {
        start_close();
    }
    return next;
}

void ListenerNode::stop() noexcept {
    if (stopped_ || closing()) {
        return;
    }
    stopped_ = true;
    failure_ = 0;
    if (accepted_.empty()) {
        start_close();
        return;
    }
    if (is_set()) {
        state().remove(*this);
    }
    unwatch();
}

/// Tells the longest waiter that there is something for it, which nobody else takes meanwhile.
void ListenerNode::wake_next() noexcept {
    if (waiters_.wake_one()) {
        ++promised_;
    }
}

void ListenerNode::on_ready() noexcept {
    if (waiters_.empty()) {
        unwatch();
        return;
    }
    for (int i = 0; i < batch; ++i) {
        const Accepted next = accept_one(number());
        if (next.descriptor == UV_EAGAIN) {
            return;
        }
        if (next.descriptor < 0) {
            failure_ = next.descriptor;
            unwatch();
            state().add(*this, state().time() + pause);
            wake_next();
            return;
        }
        accepted_.push_back(next);
        wake_next();
    }
}

void ListenerNode::watch() noexcept {
    if (watching_) {
        return;
    }
    watching_ = true;
    uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int /*status*/, int /*events*/) {
        static_cast<ListenerNode*>(static_cast<HandleNode*>(poll->data))->on_ready();
    });
}

void ListenerNode::unwatch() noexcept {
    uv_poll_stop(&poll_);
    watching_ = false;
}

void ListenerNode::expire() noexcept {
    if (!closing()) {
        watch();
    }
}

void ListenerNode::close_handle() noexcept {
    if (is_set()) {
        state().remove(*this);
    }
    for (const Accepted& next : accepted_) {
        reset_socket(next.descriptor);
    }
    accepted_.clear();
    HandleNode::close_handle();  // stops watching at once, so the port can be free when it returns
    file_.remove();              // first, or it might be the next one's
    socket_.close();
}

}  // namespace coloop

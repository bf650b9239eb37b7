// SPDX-License-Identifier: MIT
#include "io/listener_node.hpp"

#include <new>
#include <utility>

#include <coloop/uv_error.hpp>

namespace coloop {

namespace {

constexpr int batch = 16;                    // accepted per round of the loop
constexpr std::size_t most_in_hand = 64;     // accepted and not asked for
constexpr std::uint64_t pause = 50'000'000;  // after the system had no room

}  // namespace

Result<NodePtr<ListenerNode>> ListenerNode::create(LoopState& state, const Address& address,
                                                   const ListenOptions& options) noexcept {
    const auto failed = [&](int status) {
        return Error(uv_code(status), "listen on", address.to_string());
    };
    const int descriptor = open_listen_socket(address, options);
    if (descriptor < 0) {
        return failed(descriptor);
    }
    NodePtr<ListenerNode> node(new (std::nothrow) ListenerNode(state, descriptor));
    if (!node) {
        close_socket(descriptor);
        return failed(UV_ENOMEM);
    }
    if (const int status = uv_poll_init(state.uv(), &node->poll_, descriptor)) {
        return failed(status);
    }
    node->opened();
    node->watch();
    return node;
}

ListenerNode::~ListenerNode() {
    if (descriptor_ >= 0) {  // libuv did not take it
        close_socket(descriptor_);
    }
}

Result<Accepted> ListenerNode::accept() noexcept {
    require_here("accept");
    if (Wait::already_cancelled()) {
        return error(Errc::cancelled);
    }
    const NodePtr<ListenerNode> hold(this);
    while (!closing()) {
        if (!accepted_.empty()) {
            const Accepted next = accepted_.front();
            accepted_.pop_front();
            return next;
        }
        if (const int status = std::exchange(failure_, 0)) {
            return error(uv_code(status));
        }
        if (!is_set()) {
            watch();
        }
        if (!waiters_.wait(std::nothrow)) {
            if (!accepted_.empty()) {
                waiters_.wake_one();  // what this one might have been woken for
            }
            return error(Errc::cancelled);
        }
    }
    return error(make_error_code(Errc::closed));
}

void ListenerNode::on_ready() noexcept {
    for (int i = 0; i < batch && accepted_.size() < most_in_hand; ++i) {
        const Accepted next = accept_one(descriptor_);
        if (next.descriptor == UV_EAGAIN) {
            return;
        }
        if (next.descriptor < 0) {
            failure_ = next.descriptor;
            unwatch();
            state().add(*this, state().time() + pause);
            waiters_.wake_one();
            return;
        }
        accepted_.push_back(next);
        waiters_.wake_one();
    }
    if (accepted_.size() >= most_in_hand) {
        unwatch();
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
        close_socket(next.descriptor);
    }
    accepted_.clear();
    HandleNode::close_handle();  // stops watching at once, so the port can be free when it returns
    close_socket(std::exchange(descriptor_, -1));
}

}  // namespace coloop

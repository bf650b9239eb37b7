// SPDX-License-Identifier: MIT
#include "io/handle_node.hpp"

#include <string>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"

namespace coloop {

void HandleNode::refuse(const char* operation) const noexcept {
    LoopState::current(operation);  // has its own words for a coroutine without a loop
    misuse(std::string("cannot ") + operation + " " + describe() + " in " +
           coloop::describe(*Coroutine::self()) +
           ", which runs on another loop than the one it was opened on");
}

void HandleNode::opened() noexcept {
    open_ = true;
    handle()->data = this;
    retain();
    state_.opened(*this);
}

void HandleNode::start_close() noexcept {
    if (closing_ || !open_) {
        closing_ = true;
        return;
    }
    closing_ = true;
    close_handle();
    wake_all();
}

void HandleNode::close() noexcept {
    if (in_coroutine()) {
        require_here("close");
    }
    const NodePtr<HandleNode> hold(this);
    start_close();
    if (!in_coroutine()) {
        return;
    }
    const CancelScope shield(CancelScope::Kind::shield);
    while (open_) {
        static_cast<void>(closed_.wait(std::nothrow));
    }
}

bool HandleNode::wait_closed() noexcept {
    const NodePtr<HandleNode> hold(this);
    while (open_) {
        if (!closed_.wait(std::nothrow)) {
            return false;
        }
    }
    return true;
}

void HandleNode::on_closed(uv_handle_t* handle) noexcept {
    auto* node = static_cast<HandleNode*>(handle->data);
    node->open_ = false;
    node->closed_.wake_all();
    node->state_.closed(*node);
    node->release();
}

}  // namespace coloop

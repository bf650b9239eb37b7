// SPDX-License-Identifier: MIT
#include "io/descriptor_node.hpp"

#include <new>
#include <utility>

#include <coloop/uv_error.hpp>

namespace coloop {

Result<NodePtr<DescriptorNode>> DescriptorNode::open(LoopState& state, Descriptor descriptor,
                                                     const char* operation,
                                                     std::string name) noexcept {
    NodePtr<DescriptorNode> node(new (std::nothrow) DescriptorNode(state, std::move(descriptor),
                                                                   operation, std::move(name)));
    if (!node) {
        return Error(uv_code(UV_ENOMEM), operation);
    }
    const int number = static_cast<int>(node->descriptor_.native());
    if (const int status = uv_poll_init(state.uv(), &node->poll_, number)) {
        return Error(uv_code(status), operation, node->name_);
    }
    node->opened();
    return node;
}

bool DescriptorNode::wait(int events) noexcept {
    const NodePtr<DescriptorNode> hold(this);
    if (closing()) {
        return true;
    }
    uv_poll_start(&poll_, events, [](uv_poll_t* poll, int /*status*/, int /*events*/) {
        static_cast<DescriptorNode*>(static_cast<HandleNode*>(poll->data))->waiter_.wake_one();
    });
    const bool woken = waiter_.wait(std::nothrow);
    if (!closing()) {
        uv_poll_stop(&poll_);
    }
    return woken;
}

void DescriptorNode::close_handle() noexcept {
    HandleNode::close_handle();  // stops watching at once
    descriptor_.close();
}

}  // namespace coloop

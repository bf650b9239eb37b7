// SPDX-License-Identifier: MIT
#include "io/pipe_node.hpp"

#include <new>
#include <utility>

#include <coloop/uv_error.hpp>

namespace coloop {

Result<NodePtr<PipeNode>> PipeNode::adopt(LoopState& state, Descriptor descriptor, std::string name,
                                          const char* operation) noexcept {
    NodePtr<PipeNode> node(new (std::nothrow) PipeNode(state, std::move(name)));
    if (!node) {
        return Error(uv_code(UV_ENOMEM), operation, "a pipe");
    }
    if (const int status = uv_pipe_init(state.uv(), &node->pipe_, 0)) {
        return node->error(status, operation);
    }
    node->opened();
    if (const int status = uv_pipe_open(&node->pipe_, static_cast<int>(descriptor.native()))) {
        node->start_close();
        return node->error(status, operation);
    }
    static_cast<void>(descriptor.release());  // libuv closes it
    return node;
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include <utility>

#include <coloop/pipe.hpp>
#include <coloop/uv_error.hpp>

#include "io/listener_node.hpp"
#include "io/pipe_node.hpp"
#include "io/pipe_socket.hpp"

namespace coloop {

PipeListener::PipeListener(const Path& name, const PipeListenOptions& options)
    : PipeListener(listen(name, options, std::nothrow).value()) {}

Result<PipeListener> PipeListener::listen(const Path& name, const PipeListenOptions& options,
                                          std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("listen");
    Result<PipeListenSocket> socket = open_pipe_listener(name.string(), options);
    if (!socket) {
        return socket.error();
    }
    const Result<NodePtr<ListenerNode>> node =
        ListenerNode::create(state, std::move(socket->descriptor), readable_name(name.string()),
                             std::move(socket->file));
    if (!node) {
        return node.error();
    }
    return PipeListener(node->get());
}

Result<PipeListener> PipeListener::adopt_descriptor(Descriptor descriptor,
                                                    std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("adopt a descriptor");
    if (descriptor.kind() != DescriptorKind::pipe_listener) {
        return Error(uv_code(UV_EINVAL), "adopt", "a descriptor as a PipeListener");
    }
    std::string name = name_of_socket(descriptor.native());
    const Result<NodePtr<ListenerNode>> node =
        ListenerNode::create(state, std::move(descriptor), std::move(name));
    if (!node) {
        return node.error();
    }
    return PipeListener(node->get());
}

Result<PipeStream> PipeListener::accept(std::nothrow_t /*tag*/) noexcept {
    if (node() == nullptr) {
        return Error(Errc::closed, "accept", "a PipeListener that is not open");
    }
    const NodePtr<ListenerNode> hold(node());  // this object may be moved while the coroutine waits
    const Result<Accepted> accepted = hold->accept();
    if (!accepted) {
        return accepted.error();
    }
    const Result<NodePtr<PipeNode>> stream =
        PipeNode::adopt(hold->state(), Descriptor(NativeDescriptor{accepted->descriptor}),
                        hold->describe(), "accept");
    if (!stream) {
        return stream.error();
    }
    return PipeStream(stream->get());
}

std::string PipeListener::name() const { return node() == nullptr ? "" : node()->describe(); }

}  // namespace coloop

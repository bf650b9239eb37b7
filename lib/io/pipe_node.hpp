// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <uv.h>

#include <coloop/descriptor.hpp>

#include "io/stream_node.hpp"

namespace coloop {

class PipeNode final : public StreamNode {
public:
    /// The node of a pipe or a connected socket of the Unix domain. An error says that `operation`
    /// failed for `name`.
    static Result<NodePtr<PipeNode>> adopt(LoopState& state, Descriptor descriptor,
                                           std::string name, const char* operation) noexcept;

    [[nodiscard]] uv_pipe_t& pipe() noexcept { return pipe_; }

    [[nodiscard]] std::string describe() const override { return name_; }

private:
    PipeNode(LoopState& state, std::string name) noexcept
        : StreamNode(state, reinterpret_cast<uv_stream_t*>(&pipe_)), name_(std::move(name)) {}

    ~PipeNode() override = default;

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&pipe_);
    }

    uv_pipe_t pipe_;
    std::string name_;
};

}  // namespace coloop

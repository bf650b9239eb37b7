// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <uv.h>

#include <coloop/descriptor.hpp>
#include <coloop/result.hpp>

#include "io/handle_node.hpp"

namespace coloop {

/// A descriptor of its own that one coroutine at a time watches, where libuv has no better way of
/// telling that something can be read or written.
class DescriptorNode final : public HandleNode {
public:
    /// Takes `descriptor` over. `operation`, a string that stays, and `name` are for errors and
    /// reports.
    static Result<NodePtr<DescriptorNode>> open(LoopState& state, Descriptor descriptor,
                                                const char* operation, std::string name) noexcept;

    /// Waits for one of `events` of uv_poll, or for trouble, or until the node is closed. False if
    /// the coroutine was cancelled.
    [[nodiscard]] bool wait(int events) noexcept;

    [[nodiscard]] std::string describe() const override { return name_; }

private:
    DescriptorNode(LoopState& state, Descriptor descriptor, const char* operation,
                   std::string name) noexcept
        : HandleNode(state),
          descriptor_(std::move(descriptor)),
          name_(std::move(name)),
          waiter_(operation, this) {}

    ~DescriptorNode() override = default;

    void close_handle() noexcept override;

    void wake_all() noexcept override { waiter_.wake_all(); }

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&poll_);
    }

    uv_poll_t poll_;
    Descriptor descriptor_;
    std::string name_;
    CoQueue waiter_;
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <uv.h>

#include <coloop/descriptor.hpp>
#include <coloop/tty.hpp>

#include "io/stream_node.hpp"
#include "io/terminal_guard.hpp"

namespace coloop {

class TerminalNode final : public StreamNode {
public:
    static Result<NodePtr<TerminalNode>> open(LoopState& state, NativeDescriptor native,
                                              std::string name) noexcept;

    Result<void> set_mode(TerminalMode mode) noexcept;

    [[nodiscard]] TerminalMode mode() const noexcept { return mode_; }

    Result<TerminalSize> size() noexcept;

    Result<TerminalSize> wait_resize(TerminalSize known) noexcept;

    [[nodiscard]] std::string describe() const override { return name_; }

private:
    TerminalNode(LoopState& state, std::string name) noexcept
        : StreamNode(state, reinterpret_cast<uv_stream_t*>(&tty_)), name_(std::move(name)) {}

    ~TerminalNode() override = default;

    void close_handle() noexcept override;
    void wake_all() noexcept override;

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&tty_);
    }

    uv_tty_t tty_;
    std::string name_;
    TerminalGuard guard_;
    TerminalMode mode_ = TerminalMode::normal;
    CoQueue resized_{"wait for another size of", this};
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include <uv.h>

#include <coloop/process.hpp>

#include "io/handle_node.hpp"

namespace coloop {

/// A child process, until it has ended and libuv has reaped it: then the handle is closed, whoever
/// still has the node.
class ProcessNode final : public HandleNode {
public:
    /// Starts it as `options` say. `name` is for errors; `detached` says that it goes on alone when
    /// its owner is gone.
    static Result<NodePtr<ProcessNode>> spawn(LoopState& state, uv_process_options_t& options,
                                              const std::string& name, bool detached) noexcept;

    Result<ExitStatus> wait() noexcept;
    Result<ExitStatus> terminate(std::chrono::nanoseconds grace) noexcept;
    Result<void> send_signal(int number) noexcept;

    /// Its owner is gone: it goes on alone if it is detached, and is killed if not.
    void abandon() noexcept;

    [[nodiscard]] const std::optional<ExitStatus>& exit_status() const noexcept { return exited_; }

    [[nodiscard]] int id() const noexcept { return id_; }

    [[nodiscard]] std::string describe() const override {
        return name_ + " (process " + std::to_string(id_) + ')';
    }

private:
    ProcessNode(LoopState& state, std::string name, bool detached)
        : HandleNode(state), name_(std::move(name)), detached_(detached) {}

    int start(uv_process_options_t& options) noexcept;
    void kill() noexcept;

    void wake_all() noexcept override { waiters_.wake_all(); }

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&process_);
    }

    uv_process_t process_{};
    std::string name_;
    bool detached_;
    bool killed_ = false;  // by abandon()
    int id_ = 0;
    std::optional<ExitStatus> exited_;
    CoQueue waiters_{"wait for", this};
};

}  // namespace coloop

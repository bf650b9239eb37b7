// SPDX-License-Identifier: MIT
#include "io/process_node.hpp"

#include <csignal>
#include <new>

#include <coloop/call_with_stack.hpp>
#include <coloop/timeout.hpp>
#include <coloop/uv_error.hpp>

namespace coloop {

namespace {

bool is_listed(uv_loop_t* loop, uv_handle_t* handle) {
    struct Search {
        uv_handle_t* wanted;
        bool found;
    };

    Search search{handle, false};
    uv_walk(
        loop,
        [](uv_handle_t* next, void* data) {
            auto* wanted = static_cast<Search*>(data);
            wanted->found = wanted->found || next == wanted->wanted;
        },
        &search);
    return search.found;
}

}  // namespace

Result<NodePtr<ProcessNode>> ProcessNode::spawn(LoopState& state, uv_process_options_t& options,
                                                const std::string& name, bool detached) noexcept {
    NodePtr<ProcessNode> node(new (std::nothrow) ProcessNode(state, name, detached));
    if (!node) {
        return Error(uv_code(UV_ENOMEM), "run", name);
    }
    if (const int status = node->start(options)) {
        return Error(uv_code(status), "run", name);
    }
    return node;
}

int ProcessNode::start(uv_process_options_t& options) noexcept {
    options.exit_cb = [](uv_process_t* process, std::int64_t code, int signal) {
        auto* node = static_cast<ProcessNode*>(static_cast<HandleNode*>(process->data));
        node->exited_ = ExitStatus{code, signal};
        node->start_close();
        if (node->killed_) {
            node->state().end_pool_work();
        }
    };
    // Looking through PATH takes more stack than a small coroutine may have.
    const int status =
        run_on_loop_stack([&] { return uv_spawn(state().uv(), &process_, &options); });
    // A handle that was not used is on libuv's list or not, depending on version and reason;
    // closing it if it is not spoils the list.
    if (status == 0 || is_listed(state().uv(), handle())) {
        opened();
    }
    if (status != 0) {
        start_close();
        return status;
    }
    id_ = process_.pid;
    return 0;
}

Result<ExitStatus> ProcessNode::wait() noexcept {
    require_here("wait for");
    if (Wait::already_cancelled()) {
        return Error(Errc::cancelled, "wait for", describe());
    }
    const NodePtr<ProcessNode> hold(this);
    while (!exited_) {
        if (!waiters_.wait(std::nothrow)) {
            return Error(Errc::cancelled, "wait for", describe());
        }
    }
    return *exited_;
}

Result<void> ProcessNode::send_signal(int number) noexcept {
    // After its end the system may have given its number to another.
    const int status = exited_ ? static_cast<int>(UV_ESRCH) : uv_process_kill(&process_, number);
    return status == 0 ? Result<void>()
                       : Error(uv_code(status), "send signal " + std::to_string(number) + " to",
                               describe());
}

void ProcessNode::kill() noexcept {
    if (!exited_) {
        uv_process_kill(&process_, SIGKILL);
    }
}

Result<ExitStatus> ProcessNode::terminate(std::chrono::nanoseconds grace) noexcept {
    require_here("terminate");
    const NodePtr<ProcessNode> hold(this);
    if (!Wait::already_cancelled()) {
        if (!exited_) {
            uv_process_kill(&process_, SIGTERM);
        }
        const TimeoutScope scope(grace.count());
        if (Result<ExitStatus> status = wait()) {
            return status;
        }
    }
    kill();  // NOLINT(clang-analyzer-cplusplus.NewDelete): no, 'hold' has it
    return wait();
}

void ProcessNode::abandon() noexcept {
    if (detached_) {
        start_close();
    } else if (!exited_) {
        kill();
        killed_ = true;
        state().begin_pool_work();  // as of what the pool does, its end comes whoever waits
    }
}

}  // namespace coloop

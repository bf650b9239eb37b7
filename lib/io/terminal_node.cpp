// SPDX-License-Identifier: MIT
#include "io/terminal_node.hpp"

#include <csignal>
#include <new>
#include <utility>

#include <coloop/uv_error.hpp>

#include "io/reopen.hpp"

namespace coloop {

namespace {

/// Hears of window sizes that change, while somebody waits for one.
class ResizeNode final : public HandleNode {
public:
    ResizeNode(LoopState& state, CoQueue& waiters) noexcept
        : HandleNode(state), waiters_(waiters) {}

    int start() noexcept {
        if (const int status = uv_signal_init(state().uv(), &signal_)) {
            return status;
        }
        opened();
        return uv_signal_start(
            &signal_,
            [](uv_signal_t* signal, int /*number*/) {
                static_cast<ResizeNode*>(static_cast<HandleNode*>(signal->data))
                    ->waiters_.wake_all();
            },
            SIGWINCH);
    }

    [[nodiscard]] std::string describe() const override { return "window sizes"; }

private:
    void wake_all() noexcept override {}

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&signal_);
    }

    uv_signal_t signal_;
    CoQueue& waiters_;
};

}  // namespace

Result<NodePtr<TerminalNode>> TerminalNode::open(LoopState& state, NativeDescriptor native,
                                                 std::string name) noexcept {
    NodePtr<TerminalNode> node(new (std::nothrow) TerminalNode(state, std::move(name)));
    if (!node) {
        return Error(uv_code(UV_ENOMEM), "open", "a terminal");
    }
    if (kind_of(native) != DescriptorKind::terminal) {
        return node->error(UV_ENOTTY, "open");
    }
    // libuv opens terminals anew, too, but puts that in the place of the number it was given.
    Result<Descriptor> copy = reopen(native);
    if (!copy) {
        return node->error(copy.error().code(), "open");
    }
    const int number = static_cast<int>(copy->native());
    if (const int status = uv_tty_init(state.uv(), &node->tty_, number, 0)) {
        return node->error(status, "open");
    }
    node->opened();
    if (node->descriptor() == number) {
        static_cast<void>(copy->release());  // libuv has it and closes it
    }
    return node;
}

Result<void> TerminalNode::set_mode(TerminalMode mode) noexcept {
    constexpr const char* operation = "set the mode of";
    if (mode == mode_) {
        return {};
    }
    if (const int status = guard_.remember(descriptor())) {
        return error(status, operation);
    }
    const uv_tty_mode_t native = mode == TerminalMode::raw      ? UV_TTY_MODE_RAW
                                 : mode == TerminalMode::binary ? UV_TTY_MODE_IO
                                                                : UV_TTY_MODE_NORMAL;
    if (const int status = uv_tty_set_mode(&tty_, native)) {
        return error(status, operation);
    }
    mode_ = mode;
    if (mode == TerminalMode::normal) {
        guard_.restore();
    }
    return {};
}

Result<TerminalSize> TerminalNode::size() noexcept {
    int columns = 0;
    int rows = 0;
    if (const int status = uv_tty_get_winsize(&tty_, &columns, &rows)) {
        return error(status, "get the size of");
    }
    return TerminalSize{static_cast<std::uint16_t>(columns), static_cast<std::uint16_t>(rows)};
}

Result<TerminalSize> TerminalNode::wait_resize(TerminalSize known) noexcept {
    constexpr const char* operation = "wait for another size of";
    require_here(operation);
    const NodePtr<TerminalNode> hold(this);
    const NodePtr<ResizeNode> signals(new (std::nothrow) ResizeNode(state(), resized_));
    if (!signals) {
        return error(UV_ENOMEM, operation);
    }
    const int status = signals->start();
    Result<TerminalSize> result = status == 0 ? size() : error(status, operation);
    while (result && *result == known) {
        if (!resized_.wait(std::nothrow)) {
            result = error(Errc::cancelled, operation);
        } else {
            result = closing() ? error(Errc::closed, operation) : size();
        }
    }
    signals->start_close();
    return result;
}

void TerminalNode::wake_all() noexcept {
    StreamNode::wake_all();
    resized_.wake_all();
}

void TerminalNode::close_handle() noexcept {
    guard_.restore();
    StreamNode::close_handle();
}

}  // namespace coloop

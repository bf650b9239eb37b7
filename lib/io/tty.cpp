// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <string>
#include <string_view>

#include <coloop/tty.hpp>

#include "io/terminal_node.hpp"

namespace coloop {

Terminal::Terminal(TerminalNode* node) noexcept : StreamHandle(node) {}

TerminalNode& Terminal::node() const noexcept {
    return static_cast<TerminalNode&>(*StreamHandle::node());
}

Result<Terminal> Terminal::open(NativeDescriptor native, std::string_view name,
                                std::nothrow_t /*tag*/) noexcept {
    const Result<NodePtr<TerminalNode>> node =
        TerminalNode::open(LoopState::current("open a terminal"), native, std::string(name));
    if (!node) {
        return node.error();
    }
    return Terminal(node->get());
}

Result<void> Terminal::set_mode(TerminalMode mode, std::nothrow_t /*tag*/) noexcept {
    return is_open() ? node().set_mode(mode) : closed("set the mode of");
}

TerminalMode Terminal::mode() const noexcept {
    return is_open() ? node().mode() : TerminalMode::normal;
}

Result<TerminalSize> Terminal::size(std::nothrow_t /*tag*/) const noexcept {
    return is_open() ? node().size() : closed("get the size of");
}

Result<TerminalSize> Terminal::wait_resize(TerminalSize known, std::nothrow_t /*tag*/) noexcept {
    return is_open() ? node().wait_resize(known) : closed("wait for another size of");
}

bool wants_color(NativeDescriptor output) noexcept {
    const char* none = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return (none == nullptr || *none == '\0') &&
           (terminal == nullptr || std::string_view(terminal) != "dumb") &&
           kind_of(output) == DescriptorKind::terminal;
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

namespace coloop {

/// Remembers how a terminal was set, and sets it so again at the latest when the process ends.
class TerminalGuard {
public:
    TerminalGuard() noexcept = default;
    TerminalGuard(const TerminalGuard&) = delete;
    TerminalGuard& operator=(const TerminalGuard&) = delete;

    ~TerminalGuard() { restore(); }

    /// Remembers how the terminal of `descriptor` is set, if it has not yet. The descriptor must
    /// stay open until restore(). Returns zero or a libuv code.
    int remember(int descriptor) noexcept;

    /// Sets it as it was, and forgets it.
    void restore() noexcept;

private:
    int place_ = -1;  // in the table of those that are remembered
};

}  // namespace coloop

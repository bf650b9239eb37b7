// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <new>
#include <string_view>

#include <coloop/descriptor.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>
#include <coloop/stream_handle.hpp>
#include <coloop/terminal_size.hpp>

namespace coloop {

class TerminalNode;

enum class TerminalMode : std::uint8_t {
    normal,  ///< as it was: by lines, with echo, and Ctrl-C interrupts
    raw,     ///< each key at once, no echo, Ctrl-C is a byte like others
    binary,  ///< the same, and what is written is not changed either
};

/// A terminal; see StreamHandle for where it belongs and how it moves.
///
/// It is opened anew, so that others who share the descriptor notice nothing: neither that coloop's
/// is non-blocking, nor when it is closed. Its mode is the terminal's, which all share; it is put
/// back when the Terminal is closed, and also when the process meanwhile calls exit() or dies of a
/// signal that it has no handler for, of abort(), or of a stack overflow. (Nobody can do that for
/// SIGKILL, or when main() is left by _exit().)
class COLOOP_EXPORT Terminal final : public StreamHandle {
public:
    Terminal() noexcept = default;
    explicit Terminal(TerminalNode* node) noexcept;

    /// Opens the terminal that `native` leads to, for reading and writing as that is; `native`
    /// stays the caller's. `name` is for errors. Throws Error if it is no terminal.
    static Terminal open(NativeDescriptor native, std::string_view name = "a terminal") {
        return open(native, name, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<Terminal> open(NativeDescriptor native, std::string_view name,
                                 std::nothrow_t tag) noexcept;

    /// Changes the mode. See TerminalModeGuard for changing it for a while. Throws Error if the
    /// terminal is closed or gone.
    void set_mode(TerminalMode mode) { set_mode(mode, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_mode(TerminalMode mode, std::nothrow_t tag) noexcept;

    /// The mode that was set last.
    [[nodiscard]] TerminalMode mode() const noexcept;

    /// The size of its window, in characters. Throws Error if the terminal is closed or gone.
    [[nodiscard]] TerminalSize size() const { return size(std::nothrow).value(); }

    /// The same; returns the Error.
    [[nodiscard]] Result<TerminalSize> size(std::nothrow_t tag) const noexcept;

    /// Waits until the size is another than `known`, and returns it; no change is lost between two
    /// calls. Learns of changes by SIGWINCH, which the system sends for the process's controlling
    /// terminal. Throws Error as size() does, and if another coroutine closes the terminal;
    /// Cancelled if the coroutine is cancelled before or meanwhile.
    TerminalSize wait_resize(TerminalSize known) {
        return wait_resize(known, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<TerminalSize> wait_resize(TerminalSize known, std::nothrow_t tag) noexcept;

private:
    [[nodiscard]] const char* type() const noexcept override { return "a Terminal"; }

    [[nodiscard]] TerminalNode& node() const noexcept;
};

/// Puts a terminal into another mode for as long as it exists. Must not outlive the Terminal.
class COLOOP_EXPORT TerminalModeGuard {
public:
    /// Throws Error as Terminal::set_mode() does.
    TerminalModeGuard(Terminal& terminal, TerminalMode mode)
        : terminal_(terminal), before_(terminal.mode()) {
        terminal.set_mode(mode);
    }

    TerminalModeGuard(const TerminalModeGuard&) = delete;
    TerminalModeGuard& operator=(const TerminalModeGuard&) = delete;

    ~TerminalModeGuard() { static_cast<void>(terminal_.set_mode(before_, std::nothrow)); }

private:
    Terminal& terminal_;
    TerminalMode before_;
};

/// Whether to write colours to `output`: it is a terminal other than a "dumb" one (TERM), and the
/// user has not asked for none (NO_COLOR, see no-color.org).
[[nodiscard]] COLOOP_EXPORT bool wants_color(NativeDescriptor output) noexcept;

}  // namespace coloop

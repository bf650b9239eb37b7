// SPDX-License-Identifier: MIT
#pragma once

#include <new>

#include <coloop/export.hpp>
#include <coloop/result.hpp>
#include <coloop/stream_handle.hpp>
#include <coloop/terminal_size.hpp>

namespace coloop {

class PipeNode;

/// The side of a terminal where keyboard and screen would be: what is written here the programs on
/// the terminal read as if it had been typed, echo and control characters included, and what they
/// write is read here. Made by Process with the option `terminal`.
///
/// The end of the stream is that no program has the terminal open any more. shutdown_write() types
/// the end-of-file character (^D). Closing it hangs up: the programs get SIGHUP.
class COLOOP_EXPORT PseudoTerminal final : public StreamHandle {
public:
    PseudoTerminal() noexcept = default;
    explicit PseudoTerminal(PipeNode* node) noexcept;

    /// The size that programs are told. Throws Error if the terminal is closed.
    [[nodiscard]] TerminalSize size() const { return size(std::nothrow).value(); }

    /// The same; returns the Error.
    [[nodiscard]] Result<TerminalSize> size(std::nothrow_t tag) const noexcept;

    /// Changes it; the programs get SIGWINCH. Throws Error if the terminal is closed.
    void resize(TerminalSize size) { resize(size, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> resize(TerminalSize size, std::nothrow_t tag) noexcept;

private:
    [[nodiscard]] const char* type() const noexcept override { return "a PseudoTerminal"; }

    Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override;
    Result<void> end_writing() noexcept override;
};

}  // namespace coloop

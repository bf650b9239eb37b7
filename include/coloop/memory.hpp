// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <coloop/export.hpp>
#include <coloop/result.hpp>
#include <coloop/stream.hpp>

namespace coloop {

/// Reads from memory, for messages that have come as a whole. Never waits, and needs no coroutine.
class COLOOP_EXPORT MemoryReader final : public Reader {
public:
    /// `bytes` must stay while it is used.
    explicit MemoryReader(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

    explicit MemoryReader(std::string_view text) noexcept
        : MemoryReader(std::as_bytes(std::span(text))) {}

    /// What was not read yet.
    [[nodiscard]] std::span<const std::byte> rest() const noexcept { return rest_; }

private:
    Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override;

    std::span<const std::byte> rest_;
};

/// Keeps what is written to it, for messages that are sent as a whole. Never waits, and needs no
/// coroutine. Fails only without memory.
class COLOOP_EXPORT MemoryWriter final : public Writer {
public:
    /// All that was written so far; holds until the next write.
    [[nodiscard]] std::string_view text() const noexcept { return text_; }

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return std::as_bytes(std::span(text_));
    }

    /// The same, given away; the next write begins anew.
    [[nodiscard]] std::string take() noexcept { return std::exchange(text_, {}); }

    /// Throws it away, but keeps its memory for what comes.
    void clear() noexcept { text_.clear(); }

private:
    Result<void> write_all(std::span<const std::span<const std::byte>> pieces) noexcept override;

    std::string text_;
};

}  // namespace coloop

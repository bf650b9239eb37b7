// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include <coloop/co_mutex.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>
#include <coloop/stream.hpp>

namespace coloop {

/// Collects small writes and hands them to another Writer together.
///
/// When its buffer has no room for a write, that and all before it go to the target at once, in one
/// write. Several coroutines may write; they take turns. Must be used in a coroutine.
///
/// flush() when all was written: the destructor can't wait, so it throws away what was not flushed.
/// That is what should happen when an exception or Cancelled leaves the scope.
///
/// If the target fails, it may have written part of the buffer; the rest is thrown away, and each
/// further write or flush returns that Error again. A write or flush that begins in a cancelled
/// coroutine changes nothing.
class COLOOP_EXPORT BufWriter final : public Writer {
public:
    static constexpr std::size_t standard_size = std::size_t{16} << 10;

    /// Writes to `target`, which must outlive it, `size` bytes or more at once. The buffer is made
    /// when first needed.
    explicit BufWriter(Writer& target, std::size_t size = standard_size) noexcept;

    BufWriter(const BufWriter&) = delete;
    BufWriter& operator=(const BufWriter&) = delete;
    ~BufWriter() override;

    /// Writes all that is in the buffer to the target; returns when that has taken it.
    void flush() { flush(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> flush(std::nothrow_t tag) noexcept;

    /// How many bytes wait to be flushed.
    [[nodiscard]] std::size_t buffered() const noexcept { return used_; }

private:
    Result<void> write_all(std::span<const std::span<const std::byte>> pieces) noexcept override;
    Result<void> begin(const char* operation) noexcept;
    Result<void> add(std::span<const std::span<const std::byte>> pieces) noexcept;
    Result<void> pass_on(std::span<const std::span<const std::byte>> pieces) noexcept;
    Result<void> hand_over(std::span<const std::span<const std::byte>> pieces) noexcept;

    Writer& target_;
    std::size_t size_;
    std::unique_ptr<std::byte[]> buffer_;
    std::size_t used_ = 0;
    std::optional<Error> failure_;
    CoMutex turn_;  // each write is whole
};

}  // namespace coloop

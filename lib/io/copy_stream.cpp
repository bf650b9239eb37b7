// SPDX-License-Identifier: MIT
#include <new>
#include <optional>

#include "io/copy.hpp"
#include "io/kernel_copy.hpp"

namespace coloop {

namespace {

constexpr std::size_t buffer_size = std::size_t{64} << 10;

/// Writes what is in the pipe, `left` bytes; where the receiver takes no more at once, by way of
/// the buffer, so that this waits.
Result<void> empty_pipe(const TransitPipe& pipe, std::size_t left, StreamNode& to,
                        std::span<std::byte> buffer) noexcept {
    while (left > 0) {
        const Result<std::size_t> moved = to.take_from(pipe, left);
        if (!moved) {
            return moved.error();
        }
        left -= *moved;
        if (*moved > 0) {
            continue;
        }
        const std::int64_t count = pipe.read(buffer.data(), std::min(left, buffer.size()));
        if (count <= 0) {
            return to.error(count < 0 ? static_cast<int>(count) : UV_EIO, "write");
        }
        const std::span<const std::byte> piece = buffer.first(static_cast<std::size_t>(count));
        if (Result<void> written = to.write({&piece, 1}); !written) {
            return written;
        }
        left -= piece.size();
    }
    return {};
}

/// Passes on what lies ready, through the pipe.
Result<void> pass_on(StreamNode& from, const TransitPipe& pipe, StreamNode& to,
                     std::span<std::byte> buffer, CopyProgress& progress) noexcept {
    while (const std::size_t size = progress.piece(TransitPipe::size)) {
        const Result<std::size_t> moved = from.move_to(pipe, size);
        if (!moved) {
            progress.failed(CopyEnd::reader);
            return moved.error();
        }
        if (*moved == 0) {
            break;
        }
        if (Result<void> written = empty_pipe(pipe, *moved, to, buffer); !written) {
            progress.failed(CopyEnd::writer);
            return written;
        }
        progress.add(*moved);
    }
    return {};
}

}  // namespace

Result<void> copy_stream_to_stream(StreamNode& from, StreamNode& to,
                                   CopyProgress& progress) noexcept {
    const NodePtr<StreamNode> hold_from(&from);
    const NodePtr<StreamNode> hold_to(&to);
    std::optional<TransitPipe> pipe;  // made when first needed
    const std::unique_ptr<std::byte[]> memory(new (std::nothrow) std::byte[buffer_size]);
    if (memory == nullptr) {
        return {};
    }
    const std::span<std::byte> buffer(memory.get(), buffer_size);
    while (progress.piece(1) > 0) {
        // Waits for something, and learns whether more lies there than fits.
        const Result<std::size_t> count = from.read(buffer.first(progress.piece(buffer_size)));
        if (!count) {
            progress.failed(CopyEnd::reader);
            return count.error();
        }
        if (*count == 0) {
            break;
        }
        const std::span<const std::byte> piece = buffer.first(*count);
        if (Result<void> written = to.write({&piece, 1}); !written) {
            progress.failed(CopyEnd::writer);
            return written;
        }
        progress.add(*count);
        if (*count == buffer_size && !pipe) {
            pipe.emplace();
        }
        if (*count < buffer_size || !pipe->is_open()) {
            continue;
        }
        if (Result<void> passed = pass_on(from, *pipe, to, buffer, progress); !passed) {
            return passed;
        }
    }
    return {};
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "io/copy.hpp"
#include "io/kernel_copy.hpp"

namespace coloop {

namespace {

constexpr std::size_t buffer_size = std::size_t{64} << 10;

struct Buffer {
    std::byte bytes[buffer_size];
};

/// Things that a copy needs only while bytes pass, kept for the next one.
template <typename Thing>
class Spares {
public:
    /// Null without memory.
    [[nodiscard]] std::unique_ptr<Thing> take() noexcept {
        return count_ > 0 ? std::move(kept_[--count_])
                          : std::unique_ptr<Thing>(new (std::nothrow) Thing);
    }

    void give_back(std::unique_ptr<Thing> thing) noexcept {
        if (count_ < most) {
            kept_[count_++] = std::move(thing);
        }
    }

    void clear() noexcept {
        while (count_ > 0) {
            kept_[--count_].reset();
        }
    }

private:
    static constexpr std::size_t most = 8;

    std::unique_ptr<Thing> kept_[most];
    std::size_t count_ = 0;
};

/// What the copies between streams of this thread share, so that ten thousand that wait for their
/// peers need no more than a few that don't. Gone when none is left.
struct Shared {
    std::size_t copies = 0;
    Spares<Buffer> buffers;
    Spares<TransitPipe> pipes;
};

thread_local Shared shared;

/// One of them.
class SharedUse {
public:
    SharedUse() noexcept { ++shared.copies; }

    SharedUse(const SharedUse&) = delete;
    SharedUse& operator=(const SharedUse&) = delete;

    ~SharedUse() {
        if (--shared.copies == 0) {
            shared.buffers.clear();
            shared.pipes.clear();
        }
    }
};

/// A buffer for as long as there is something in it.
class BorrowedBuffer {
public:
    // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): it loses sight of thread_local
    BorrowedBuffer() noexcept : buffer_(shared.buffers.take()) {}

    BorrowedBuffer(const BorrowedBuffer&) = delete;
    BorrowedBuffer& operator=(const BorrowedBuffer&) = delete;

    ~BorrowedBuffer() {
        if (buffer_ != nullptr) {
            shared.buffers.give_back(std::move(buffer_));
        }
    }

    /// Empty without memory.
    [[nodiscard]] std::span<std::byte> bytes() const noexcept {
        return buffer_ == nullptr ? std::span<std::byte>() : std::span<std::byte>(buffer_->bytes);
    }

private:
    std::unique_ptr<Buffer> buffer_;
};

/// Writes what is in the pipe, `left` bytes; where the receiver takes no more at once, by way of
/// the buffer, so that this waits.
Result<void> empty_pipe(const TransitPipe& pipe, std::size_t left, StreamNode& to,
                        std::span<std::byte> buffer, CopyProgress& progress) noexcept {
    while (left > 0) {
        const Result<std::size_t> moved = to.take_from(pipe, left);
        if (!moved) {
            return moved.error();
        }
        std::size_t count = *moved;
        if (count == 0) {
            const std::int64_t taken = pipe.read(buffer.data(), std::min(left, buffer.size()));
            if (taken <= 0) {
                return to.error(taken < 0 ? static_cast<int>(taken) : UV_EIO, "write");
            }
            count = static_cast<std::size_t>(taken);
            const std::span<const std::byte> piece = buffer.first(count);
            if (Result<void> written = to.write({&piece, 1}); !written) {
                return written;
            }
        }
        left -= count;
        progress.add(count);
    }
    return {};
}

/// Passes on what lies ready, through a pipe.
Result<void> pass_on(StreamNode& from, StreamNode& to, std::span<std::byte> buffer,
                     CopyProgress& progress) noexcept {
    // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): it loses sight of thread_local
    std::unique_ptr<TransitPipe> pipe = shared.pipes.take();
    if (pipe == nullptr || !pipe->is_open()) {
        return {};
    }
    while (const std::size_t size = progress.piece(TransitPipe::size)) {
        const Result<std::size_t> moved = from.move_to(*pipe, size);
        if (!moved) {
            progress.failed(CopyEnd::reader);
            return moved.error();
        }
        if (*moved == 0) {
            break;
        }
        if (Result<void> written = empty_pipe(*pipe, *moved, to, buffer, progress); !written) {
            progress.failed(CopyEnd::writer);
            return written;
        }
    }
    shared.pipes.give_back(std::move(pipe));
    return {};
}

/// Passes on what one read takes, and if that was a buffer full, what else lies ready. Returns how
/// much the read took.
Result<std::size_t> pass_on_some(StreamNode& from, StreamNode& to, std::span<std::byte> buffer,
                                 CopyProgress& progress) noexcept {
    Result<std::size_t> count = from.read(buffer.first(progress.piece(buffer_size)));
    if (!count) {
        progress.failed(CopyEnd::reader);
    }
    if (!count || *count == 0) {
        return count;
    }
    const std::span<const std::byte> piece = buffer.first(*count);
    if (const Result<void> written = to.write({&piece, 1}); !written) {
        progress.failed(CopyEnd::writer);
        return written.error();
    }
    progress.add(*count);
    if (*count == buffer_size) {
        if (const Result<void> passed = pass_on(from, to, buffer, progress); !passed) {
            return passed.error();
        }
    }
    return count;
}

}  // namespace

Result<void> copy_stream_to_stream(StreamNode& from, StreamNode& to,
                                   CopyProgress& progress) noexcept {
    const NodePtr<StreamNode> hold_from(&from);
    const NodePtr<StreamNode> hold_to(&to);
    const SharedUse use;
    while (progress.piece(1) > 0) {
        if (Result<void> ready = from.wait_readable(); !ready) {
            progress.failed(CopyEnd::reader);
            return ready;
        }
        const BorrowedBuffer buffer;
        if (buffer.bytes().empty()) {
            break;
        }
        const Result<std::size_t> count = pass_on_some(from, to, buffer.bytes(), progress);
        if (!count) {
            return count.error();
        }
        if (*count == 0) {
            break;
        }
    }
    return {};
}

}  // namespace coloop

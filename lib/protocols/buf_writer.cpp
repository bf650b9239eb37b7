// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>

#include <uv.h>

#include <coloop/buf_writer.hpp>
#include <coloop/uv_error.hpp>
#include <coloop/wait.hpp>

namespace coloop {

namespace {

// So many pieces go to the target together with what is buffered; more go after it.
constexpr std::size_t most_pieces = 16;

Error cancelled(const char* operation) { return {Errc::cancelled, operation, "a BufWriter"}; }

}  // namespace

BufWriter::BufWriter(Writer& target, std::size_t size) noexcept
    : target_(target), size_(std::max<std::size_t>(size, 1)) {}

BufWriter::~BufWriter() = default;

/// Waits for this coroutine's turn.
Result<void> BufWriter::begin(const char* operation) noexcept {
    try {
        turn_.lock();
    } catch (const Cancelled&) {
        return cancelled(operation);
    }
    if (failure_) {
        turn_.unlock();
        return *failure_;
    }
    return {};
}

Result<void> BufWriter::flush(std::nothrow_t /*tag*/) noexcept {
    Result<void> done = begin("flush");
    if (!done) {
        return done;
    }
    if (used_ > 0) {
        done = Wait::already_cancelled() ? cancelled("flush") : pass_on({});
    }
    turn_.unlock();
    return done;
}

Result<void> BufWriter::write_all(std::span<const std::span<const std::byte>> pieces) noexcept {
    Result<void> done = begin("write");
    if (!done) {
        return done;
    }
    done = add(pieces);
    turn_.unlock();
    return done;
}

Result<void> BufWriter::add(std::span<const std::span<const std::byte>> pieces) noexcept {
    if (Wait::already_cancelled()) {
        return cancelled("write");
    }
    if (buffer_ == nullptr) {
        buffer_.reset(new (std::nothrow) std::byte[size_]);
        if (buffer_ == nullptr) {
            return Error(uv_code(UV_ENOMEM), "write", "a BufWriter");
        }
    }
    std::size_t total = 0;
    for (const std::span<const std::byte> piece : pieces) {
        total += piece.size();
    }
    if (total > size_ - used_) {
        return pass_on(pieces);
    }
    for (const std::span<const std::byte> piece : pieces) {
        if (!piece.empty()) {
            std::memcpy(buffer_.get() + used_, piece.data(), piece.size());
            used_ += piece.size();
        }
    }
    return {};
}

/// Writes what is buffered, and `pieces` after it.
Result<void> BufWriter::pass_on(std::span<const std::span<const std::byte>> pieces) noexcept {
    if (used_ == 0) {
        return hand_over(pieces);
    }
    std::array<std::span<const std::byte>, most_pieces + 1> all;
    all[0] = {buffer_.get(), used_};
    const bool together = pieces.size() <= most_pieces;
    if (together) {
        std::copy(pieces.begin(), pieces.end(), all.begin() + 1);
    }
    Result<void> done = hand_over({all.data(), together ? pieces.size() + 1 : 1});
    used_ = 0;
    return together || !done ? done : hand_over(pieces);
}

Result<void> BufWriter::hand_over(std::span<const std::span<const std::byte>> pieces) noexcept {
    Result<void> done = target_.write(pieces, std::nothrow);
    if (!done) {
        failure_ = done.error().code() == Errc::cancelled
                       ? Error(Errc::closed, "write", "a BufWriter whose last write was cancelled")
                       : done.error();
    }
    return done;
}

}  // namespace coloop

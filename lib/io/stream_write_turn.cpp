// SPDX-License-Identifier: MIT
//
// Writing where there is more to it than one system call: in turn, in pieces, waiting for room.
#include <algorithm>

#include "io/descriptor_node.hpp"
#include "io/direct.hpp"
#include "io/stream_node.hpp"
#include "io/stream_request.hpp"

namespace coloop {

namespace {

constexpr std::size_t most_buffers = 64;  // given to libuv at once

uv_buf_t buffer_of(std::span<const std::byte> bytes) noexcept {
    // libuv's buffers are not const, but it only reads from those it writes.
    auto* base = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
    return uv_buf_init(base, static_cast<unsigned>(bytes.size()));
}

}  // namespace

/// Waits for this coroutine's turn to write; returns why it has none, or 0.
int StreamNode::begin_write(const char* operation) noexcept {
    require_here(operation);
    if (Wait::already_cancelled()) {
        return was_cancelled;
    }
    // Whoever ends a write hands the turn on, so that it is never free while somebody waits.
    if (writing_ && !closing() && !writers_.wait(std::nothrow)) {
        return was_cancelled;
    }
    if (closing()) {
        return was_closed;
    }
    writing_ = true;
    return 0;
}

void StreamNode::end_write() noexcept {
    writing_ = !closing() && !writers_.empty() && writers_.wake_one();
}

[[gnu::noinline]] Result<void> StreamNode::write_in_turn(
    std::span<const std::span<const std::byte>> pieces) noexcept {
    const NodePtr<StreamNode> hold(this);
    if (const int refused = begin_write("write")) {
        return failure(refused, "write");
    }
    if (shut_down_) {  // the system would say the same, but with a SIGPIPE
        end_write();
        return error(UV_EPIPE, "write");
    }
    static_cast<void>(direct_descriptor());  // for the next one
    Result<void> result;
    if (pieces.size() == 1 && pieces.front().size() <= largest_buffer) {
        uv_buf_t whole = buffer_of(pieces.front());
        result = write_batch({&whole, 1}, whole.len);
    } else {
        result = write_pieces(pieces);
    }
    end_write();
    return result;
}

/// After an attempt that gave `tried`, a libuv code or how much was taken, but not all.
[[gnu::noinline]] Result<void> StreamNode::write_on(std::span<const std::byte> bytes,
                                                    ssize_t tried) noexcept {
    const NodePtr<StreamNode> hold(this);
    writing_ = true;
    uv_buf_t whole = buffer_of(bytes);
    Result<void> result = write_after({&whole, 1}, tried);
    end_write();
    return result;
}

Result<void> StreamNode::write_pieces(std::span<const std::span<const std::byte>> pieces) noexcept {
    uv_buf_t buffers[most_buffers];
    std::size_t count = 0;
    std::size_t bytes = 0;
    Result<void> result;
    for (std::span<const std::byte> piece : pieces) {
        while (!piece.empty() && result) {
            const std::size_t length = std::min(piece.size(), largest_buffer);
            buffers[count++] = buffer_of(piece.first(length));
            bytes += length;
            piece = piece.subspan(length);
            if (count == most_buffers) {
                result = write_batch({buffers, count}, bytes);
                count = bytes = 0;
            }
        }
    }
    return count > 0 && result ? write_batch({buffers, count}, bytes) : result;
}

/// `bytes` is what the buffers hold together.
Result<void> StreamNode::write_batch(std::span<uv_buf_t> buffers, std::size_t bytes) noexcept {
    if (bytes == 0) {
        return {};
    }
    if (closing()) {  // since the batch before
        return error(Errc::closed, "write");
    }
    const int tried = uv_try_write(stream(), buffers.data(), static_cast<unsigned>(buffers.size()));
    if (static_cast<std::size_t>(tried) == bytes) [[likely]] {
        // What is written is written; a caller that was cancelled learns of it when it next waits.
        static_cast<void>(give_way());
        return {};
    }
    return write_after(buffers, tried);
}

/// Writes, waiting, what an attempt that gave `tried` has left. Not inlined, so that those which
/// leave nothing have no frame for the request.
[[gnu::noinline]] Result<void> StreamNode::write_after(std::span<uv_buf_t> buffers,
                                                       ssize_t tried) noexcept {
    if (tried < 0 && tried != UV_EAGAIN) {
        return error(static_cast<int>(tried), "write");
    }
    std::size_t written = static_cast<std::size_t>(std::max<ssize_t>(tried, 0));
    while (written >= buffers.front().len) {
        written -= buffers.front().len;
        buffers = buffers.subspan(1);
    }
    buffers.front().base += written;
    buffers.front().len -= written;
    immediate_ = 0;
    StreamRequest<uv_write_t> request(*this, "write");
    return request.wait(uv_write(&request.uv, stream(), buffers.data(),
                                 static_cast<unsigned>(buffers.size()),
                                 StreamRequest<uv_write_t>::on_done));
}

Result<void> StreamNode::write_by(const char* operation, std::span<const std::byte> bytes,
                                  const std::function<std::ptrdiff_t()>& attempt) noexcept {
    const NodePtr<StreamNode> hold(this);
    if (const int refused = begin_write(operation)) {
        return failure(refused, operation);
    }
    Result<void> result;
    std::ptrdiff_t taken = attempt();
    while (taken == UV_EAGAIN && result) {
        result = wait_writable(operation);
        taken = result ? attempt() : 0;
    }
    if (result && taken < 0) {
        result = error(static_cast<int>(taken), operation);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(std::max<std::ptrdiff_t>(taken, 0)));
    if (result && !bytes.empty()) {
        result = write_pieces({&bytes, 1});
    }
    end_write();
    return result;
}

/// libuv tells nobody that there is room, so a second descriptor is watched.
Result<void> StreamNode::wait_writable(const char* operation) noexcept {
    Result<Descriptor> copy = Descriptor::duplicate(NativeDescriptor{descriptor()}, std::nothrow);
    if (!copy) {
        return error(copy.error().code(), operation);
    }
    Result<NodePtr<DescriptorNode>> watch =
        DescriptorNode::open(state(), *std::move(copy), operation, describe());
    if (!watch) {
        return watch.error();
    }
    room_ = *std::move(watch);
    const bool woken = room_->wait(UV_WRITABLE);
    room_->start_close();
    room_ = NodePtr<DescriptorNode>();
    if (!woken) {
        return error(Errc::cancelled, operation);
    }
    if (closing()) {
        return error(Errc::closed, operation);
    }
    return {};
}

/// Some versions of libuv poll before they shut down, which costs a turn and two system calls.
Result<void> StreamNode::end_writing() noexcept {
    const int status = shut_down_ ? UV_ENOTCONN : shut_down_directly(handle());
    if (status == UV_ENOTSUP) {
        StreamRequest<uv_shutdown_t> request(*this, "shut down");
        return request.wait(
            uv_shutdown(&request.uv, stream(), StreamRequest<uv_shutdown_t>::on_done));
    }
    return status == 0 ? Result<void>() : error(status, "shut down");
}

Result<void> StreamNode::shutdown() noexcept {
    const NodePtr<StreamNode> hold(this);
    if (const int refused = begin_write("shut down")) {
        return failure(refused, "shut down");
    }
    direct_ = -1;
    Result<void> result = end_writing();
    if (!result && result.error().code() == std::errc::not_a_socket &&
        uv_is_readable(stream()) == 0) {
        start_close();  // how a one-way pipe ends
        over_ = true;
        result = {};
    }
    shut_down_ = shut_down_ || result.has_value();
    end_write();
    return result;
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include "io/stream_node.hpp"

#include <algorithm>

#include <coloop/uv_error.hpp>

#include "io/descriptor_node.hpp"
#include "io/direct.hpp"
#include "io/stream_request.hpp"

namespace coloop {

namespace {

// After so many operations that did not wait, others get a turn.
constexpr unsigned most_immediate = 64;

constexpr std::size_t most_buffers = 64;                      // given to libuv at once
constexpr std::size_t largest_buffer = std::size_t{1} << 30;  // libuv refuses 2 GiB

// What the parts of an operation return beside counts and libuv's codes: an Error is made only at
// the end, for it costs more than what it reports.
constexpr int was_cancelled = -100'001;
constexpr int was_closed = -100'002;

uv_buf_t buffer_of(std::span<const std::byte> bytes) noexcept {
    // libuv's buffers are not const, but it only reads from those it writes.
    auto* base = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
    return uv_buf_init(base, static_cast<unsigned>(bytes.size()));
}

StreamNode& node_of(const void* handle) {
    return *static_cast<StreamNode*>(
        static_cast<HandleNode*>(static_cast<const uv_handle_t*>(handle)->data));
}

}  // namespace

Error StreamNode::error(int status, const char* operation) const {
    return {uv_code(status), operation, describe()};
}

Error StreamNode::error(std::error_code code, const char* operation) const {
    return {code, operation, describe()};
}

Error StreamNode::failure(ssize_t status, const char* operation) const {
    switch (status) {
        case was_cancelled:
            return error(Errc::cancelled, operation);
        case was_closed:
            return error(Errc::closed, operation);
        default:
            return error(static_cast<int>(status), operation);
    }
}

void StreamNode::wake_all() noexcept {
    reader_.wake_all();
    writers_.wake_all();
    if (room_) {
        room_->start_close();
    }
}

/// Lets others run when this stream has been served without waiting for long; false if cancelled.
bool StreamNode::give_way() noexcept {
    if (++immediate_ < most_immediate) {
        return true;
    }
    immediate_ = 0;
    return state().wait_turn();
}

int StreamNode::start_reading() noexcept {
    if (reading_) {
        return 0;
    }
    const int status = uv_read_start(stream(), on_alloc, on_read);
    reading_ = status == 0;
    return status;
}

void StreamNode::pause_reading() noexcept {
    uv_read_stop(stream());
    reading_ = false;
}

void StreamNode::on_alloc(uv_handle_t* handle, std::size_t /*suggested*/,
                          uv_buf_t* buffer) noexcept {
    StreamNode& node = node_of(handle);
    if (node.reader_.empty()) {  // nobody waits, or who did was cancelled
        *buffer = uv_buf_init(nullptr, 0);
        return;
    }
    *buffer = uv_buf_init(reinterpret_cast<char*>(node.target_.data()),
                          static_cast<unsigned>(std::min(node.target_.size(), largest_buffer)));
}

void StreamNode::on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) noexcept {
    StreamNode& node = node_of(stream);
    if (count == 0) {
        return;
    }
    if (count == UV_ENOBUFS) {
        node.data_waits_ = true;
        if (node.reader_.wake_one()) {  // it reads by itself
            return;
        }
        if (++node.unread_in_a_row_ > 1) {
            node.pause_reading();
        }
        return;
    }
    node.unread_in_a_row_ = 0;
    if (count > 0) {
        node.received_ = static_cast<std::size_t>(count);
        node.data_waits_ = node.received_ == buffer->len;
    } else {
        node.read_error_ = static_cast<int>(count);
        node.reading_ = false;  // libuv has stopped
        uv_read_stop(stream);
    }
    node.state().wake_from_poll([&] { node.reader_.wake_one(); });
}

Result<void> StreamNode::may_read(const char* operation) const noexcept {
    require_here(operation);
    if (Wait::already_cancelled()) {
        return error(Errc::cancelled, operation);
    }
    if (closing()) {
        return error(Errc::closed, operation);
    }
    if (being_read_) {
        return error(UV_EBUSY, operation);
    }
    return {};
}

Result<std::size_t> StreamNode::read(std::span<std::byte> buffer) noexcept {
    if (over_) {
        return std::size_t{0};
    }
    if (const Result<void> may = may_read("read"); !may) {
        return may.error();
    }
    if (buffer.empty()) {
        return std::size_t{0};
    }
    const NodePtr<StreamNode> hold(this);
    being_read_ = true;
    const ssize_t count = read_alone(buffer);
    being_read_ = false;
    if (count < 0) [[unlikely]] {
        return failure(count, "read");
    }
    return static_cast<std::size_t>(count);
}

Result<void> StreamNode::read_by(const char* operation,
                                 const std::function<bool()>& attempt) noexcept {
    Result<void> result = may_read(operation);
    if (!result || read_error_ == UV_EOF) {
        return result;
    }
    const NodePtr<StreamNode> hold(this);
    being_read_ = true;
    while (result && !attempt()) {
        if (const ssize_t woken = wait_read({}); woken < 0) {
            result = failure(woken, operation);
        } else if (closing()) {
            result = error(Errc::closed, operation);
        } else if (read_error_ != 0) {
            break;  // which the system tells the next attempt, too
        }
    }
    being_read_ = false;
    return result;
}

ssize_t StreamNode::read_alone(std::span<std::byte> buffer) noexcept {
    if (read_error_ == 0 && data_waits_) {
        if (const ssize_t count = take_read(buffer)) {
            return count;
        }
    }
    if (read_error_ == 0) {
        if (const ssize_t count = wait_read(buffer)) {
            return count;
        }
    }
    if (closing()) {
        return was_closed;
    }
    return read_error_ == UV_EOF ? 0 : read_error_;
}

/// Takes what is there already, without a round through the loop; 0 if there is nothing.
ssize_t StreamNode::take_read(std::span<std::byte> buffer) noexcept {
    if (!give_way()) {
        return was_cancelled;
    }
    if (closing()) {
        return was_closed;
    }
    const DirectRead taken = read_directly(handle(), buffer);
    data_waits_ = taken.more;
    read_error_ = taken.error;
    if (taken.count > 0) {
        unread_in_a_row_ = 0;
    }
    return taken.error != 0 ? taken.error : static_cast<ssize_t>(taken.count);
}

/// Waits until libuv has read; 0 if it was woken by something else.
ssize_t StreamNode::wait_read(std::span<std::byte> buffer) noexcept {
    if (const int status = start_reading()) {
        return status;
    }
    target_ = buffer;
    received_ = 0;
    immediate_ = 0;
    return reader_.wait(std::nothrow) ? static_cast<ssize_t>(received_) : was_cancelled;
}

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

Result<void> StreamNode::write(std::span<const std::span<const std::byte>> pieces) noexcept {
    const NodePtr<StreamNode> hold(this);
    if (const int refused = begin_write("write")) {
        return failure(refused, "write");
    }
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
    if (tried < 0 && tried != UV_EAGAIN) {
        return error(tried, "write");
    }
    return write_rest(buffers, static_cast<std::size_t>(std::max(tried, 0)));
}

/// Waits until all that follows the first `written` bytes is written. Not inlined, so that the
/// usual case has no frame for the request.
[[gnu::noinline]] Result<void> StreamNode::write_rest(std::span<uv_buf_t> buffers,
                                                      std::size_t written) noexcept {
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
        uv_buf_t rest = buffer_of(bytes);
        result = write_batch({&rest, 1}, rest.len);
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

int StreamNode::descriptor() noexcept {
    uv_os_fd_t number = -1;
    return uv_fileno(handle(), &number) == 0 ? static_cast<int>(number) : -1;
}

Result<void> StreamNode::shutdown() noexcept {
    const NodePtr<StreamNode> hold(this);
    if (const int refused = begin_write("shut down")) {
        return failure(refused, "shut down");
    }
    StreamRequest<uv_shutdown_t> request(*this, "shut down");
    Result<void> result =
        request.wait(uv_shutdown(&request.uv, stream(), StreamRequest<uv_shutdown_t>::on_done));
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

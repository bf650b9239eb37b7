// SPDX-License-Identifier: MIT
#include <algorithm>

#include "io/direct.hpp"
#include "io/stream_node.hpp"
#include "sync/co_queue_inline.hpp"

namespace coloop {

namespace {

StreamNode& node_of(const void* handle) {
    return *static_cast<StreamNode*>(
        static_cast<HandleNode*>(static_cast<const uv_handle_t*>(handle)->data));
}

}  // namespace

int StreamNode::start_reading() noexcept {
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
        *buffer = {nullptr, 0};
        return;
    }
    buffer->base = reinterpret_cast<char*>(node.target_.data());
    buffer->len = std::min(node.target_.size(), largest_buffer);
}

void StreamNode::on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) noexcept {
    StreamNode& node = node_of(stream);
    if (count <= 0) [[unlikely]] {
        node.on_nothing_read(count, buffer->base == nullptr);
        return;
    }
    node.unread_in_a_row_ = 0;
    node.received_ = static_cast<std::size_t>(count);
    node.data_waits_ = node.received_ == buffer->len;
    node.state().wake_from_poll([&] { node.reader_.wake_one_inline(); });
}

/// `count` is one of libuv's codes, or 0 for nothing at all.
void StreamNode::on_nothing_read(ssize_t count, bool without_buffer) noexcept {
    if (count == 0) {
        return;
    }
    if (count == UV_ENOBUFS) {
        data_waits_ = true;
        if (reader_.wake_one()) {  // it reads by itself
            return;
        }
        if (++unread_in_a_row_ > 1) {
            pause_reading();
        }
        return;
    }
    unread_in_a_row_ = 0;
    // Without a buffer libuv has not seen the end: it takes that for granted when the peer has hung
    // up and a read got less than there was room for. A read that stops where descriptors were sent
    // along does, too, and then there may be more.
    data_waits_ = count == UV_EOF && without_buffer;
    read_error_ = data_waits_ ? 0 : static_cast<int>(count);
    pause_reading();  // as libuv has, if not on every version
    state().wake_from_poll([&] { reader_.wake_one(); });
}

/// False if reading is refused; why_not() says why.
inline bool StreamNode::may_read() const noexcept {
    return is_here() && !Wait::already_cancelled() && !closing() && !being_read_;
}

Error StreamNode::why_not(const char* operation) const noexcept {
    require_here(operation);
    if (Wait::already_cancelled()) {
        return error(Errc::cancelled, operation);
    }
    return closing() ? error(Errc::closed, operation) : error(UV_EBUSY, operation);
}

Result<std::size_t> StreamNode::read(std::span<std::byte> buffer) noexcept {
    if (over_ || !may_read() || buffer.empty()) [[unlikely]] {
        return read_nothing();
    }
    const NodePtr<StreamNode> hold(this);
    being_read_ = true;
    ssize_t count = data_waits_ || read_error_ != 0 ? 0 : wait_read(buffer);
    if (count == 0) [[unlikely]] {
        count = read_unusually(buffer);
    }
    being_read_ = false;
    if (count < 0) [[unlikely]] {
        return read_failed(count);
    }
    return static_cast<std::size_t>(count);
}

/// What is unusual is not inline, and returns what read() does.
[[gnu::noinline]] Result<std::size_t> StreamNode::read_nothing() const noexcept {
    if (over_ || may_read()) {
        return std::size_t{0};
    }
    return why_not("read");
}

[[gnu::noinline]] Result<std::size_t> StreamNode::read_failed(ssize_t status) const noexcept {
    return failure(status, "read");
}

Result<void> StreamNode::wait_readable() noexcept {
    if (over_ || read_error_ != 0 || data_waits_) {
        return {};
    }
    if (!may_read()) {
        return why_not("read");
    }
    const NodePtr<StreamNode> hold(this);
    being_read_ = true;
    const ssize_t woken = wait_read({});
    being_read_ = false;
    if (woken < 0) {
        return failure(woken, "read");
    }
    return {};
}

Result<void> StreamNode::read_by(const char* operation,
                                 const std::function<bool()>& attempt) noexcept {
    if (!may_read()) {
        return why_not(operation);
    }
    if (read_error_ == UV_EOF) {
        return {};
    }
    Result<void> result;
    const NodePtr<StreamNode> hold(this);
    being_read_ = true;
    while (result && !attempt()) {
        // It may have been cancelled since it was woken.
        const ssize_t woken = Wait::already_cancelled() ? was_cancelled : wait_read({});
        if (woken < 0) {
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

/// Reads where more is there than was taken, where an error is latched, or where the reader was
/// woken without data.
[[gnu::noinline]] ssize_t StreamNode::read_unusually(std::span<std::byte> buffer) noexcept {
    ssize_t count = 0;
    while (count == 0 && read_error_ == 0 && !closing()) {
        if (data_waits_) {
            count = take_read(buffer);
        } else {  // it may have been cancelled since it was woken
            count = Wait::already_cancelled() ? was_cancelled : wait_read(buffer);
        }
    }
    if (count != 0 && count != UV_EOF) {
        return count;
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
    if (taken.error != 0 && reading_) {
        pause_reading();  // for libuv would find the same again and again
    }
    return taken.error != 0 ? taken.error : static_cast<ssize_t>(taken.count);
}

/// Waits until libuv has read; 0 if it was woken by something else.
[[gnu::always_inline]] inline ssize_t StreamNode::wait_read(std::span<std::byte> buffer) noexcept {
    if (!reading_) [[unlikely]] {
        if (const int status = start_reading()) {
            return status;
        }
    }
    target_ = buffer;
    received_ = 0;
    immediate_ = 0;
    return reader_.wait_inline(0, CoQueue::back, true) ? static_cast<ssize_t>(received_)
                                                       : was_cancelled;
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include "io/shared_socket.hpp"

#include <utility>

#include <coloop/cancel_scope.hpp>
#include <coloop/uv_error.hpp>

#include "io/standard_descriptors.hpp"

namespace coloop {

Result<SharedSocket> SharedSocket::open(NativeDescriptor native, std::string name) {
    Result<Descriptor> copy = Descriptor::duplicate(native, std::nothrow);
    if (!copy) {
        return Error(copy.error().code(), "open", name);
    }
    return SharedSocket(std::make_shared<Shared>(*std::move(copy), std::move(name)));
}

void SharedSocket::close() noexcept {
    shared_->closed = true;
    for (NodePtr<DescriptorNode>& watch : shared_->watches) {
        if (watch) {
            watch->start_close();  // wakes who waits
        }
    }
}

Result<void> SharedSocket::Shared::wait(Direction direction, const char* operation) noexcept {
    LoopState& state = LoopState::current(operation);
    const int number = watchable(socket.native(), direction == Direction::out);
    if (number < 0) {
        return error(uv_code(number), operation);
    }
    Result<NodePtr<DescriptorNode>> opened =
        DescriptorNode::open(state, Descriptor(NativeDescriptor{number}), operation, name);
    if (!opened) {
        return opened.error();
    }
    NodePtr<DescriptorNode>& watch = watches[direction == Direction::out ? 1 : 0];
    watch = *std::move(opened);
    const bool woken = watch->wait(UV_READABLE);
    watch->start_close();
    watch = NodePtr<DescriptorNode>();
    if (!woken) {
        return error(make_error_code(Errc::cancelled), operation);
    }
    if (closed) {
        return error(make_error_code(Errc::closed), operation);
    }
    return {};
}

/// Lets others run when this socket has been served without waiting for long.
Result<void> SharedSocket::Shared::give_way(const char* operation) noexcept {
    constexpr unsigned most_immediate = 64;
    if (++immediate < most_immediate) {
        return {};
    }
    immediate = 0;
    if (!LoopState::current(operation).wait_turn()) {
        return error(make_error_code(Errc::cancelled), operation);
    }
    if (closed) {
        return error(make_error_code(Errc::closed), operation);
    }
    return {};
}

Result<std::size_t> SharedSocket::read_some(std::span<std::byte> buffer) noexcept {
    const std::shared_ptr<Shared> shared = shared_;
    if (Wait::already_cancelled()) {
        return shared->error(make_error_code(Errc::cancelled), "read");
    }
    if (shared->closed) {
        return shared->error(make_error_code(Errc::closed), "read");
    }
    if (shared->being_read) {
        return shared->error(uv_code(UV_EBUSY), "read");
    }
    shared->being_read = true;
    Result<void> waited = shared->give_way("read");
    std::ptrdiff_t count = waited ? receive_now(shared->socket.native(), buffer) : 0;
    while (count == UV_EAGAIN && waited) {
        waited = shared->wait(Direction::in, "read");
        count = waited ? receive_now(shared->socket.native(), buffer) : 0;
    }
    shared->being_read = false;
    if (!waited) {
        return waited.error();
    }
    if (count < 0) {
        return shared->error(uv_code(static_cast<int>(count)), "read");
    }
    return static_cast<std::size_t>(count);
}

Result<void> SharedSocket::Shared::send(std::span<const std::byte> bytes) noexcept {
    while (!bytes.empty()) {
        const std::ptrdiff_t count = send_now(socket.native(), bytes);
        if (count == UV_EAGAIN) {
            if (Result<void> waited = wait(Direction::out, "write"); !waited) {
                closed = true;  // what others would write now would not follow on
                return waited;
            }
        } else if (count < 0) {
            return error(uv_code(static_cast<int>(count)), "write");
        } else {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }
    return {};
}

/// Waits until nobody else writes.
Result<std::unique_lock<CoMutex>> SharedSocket::Shared::take_turn(const char* operation) noexcept {
    std::unique_lock turn(writing, std::defer_lock);
    try {
        check_cancelled();
        turn.lock();
    } catch (const Cancelled&) {
        return error(make_error_code(Errc::cancelled), operation);
    }
    if (closed) {
        return error(make_error_code(Errc::closed), operation);
    }
    return turn;
}

Result<void> SharedSocket::write_all(std::span<const std::span<const std::byte>> pieces) noexcept {
    const std::shared_ptr<Shared> shared = shared_;
    const Result<std::unique_lock<CoMutex>> turn = shared->take_turn("write");
    if (!turn) {
        return turn.error();
    }
    if (Result<void> way = shared->give_way("write"); !way) {
        return way;
    }
    for (const std::span<const std::byte> piece : pieces) {
        if (Result<void> sent = shared->send(piece); !sent) {
            return sent;
        }
    }
    return {};
}

Result<void> SharedSocket::end_writing() noexcept {
    const std::shared_ptr<Shared> shared = shared_;
    const Result<std::unique_lock<CoMutex>> turn = shared->take_turn("shut down");
    if (!turn) {
        return turn.error();
    }
    if (const int status = end_sending(shared->socket.native())) {
        return shared->error(uv_code(status), "shut down");
    }
    return {};
}

}  // namespace coloop

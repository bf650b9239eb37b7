// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>

#include <uv.h>

#include <coloop/pipe.hpp>
#include <coloop/uv_error.hpp>

#include "io/pass_descriptors.hpp"
#include "io/pipe_node.hpp"
#include "io/pipe_socket.hpp"
#include "loop/sleeper.hpp"

namespace coloop {

namespace {

/// For a listener without room, about which the system tells nobody when there is some.
class Retry final : public Describable {
public:
    Retry(LoopState& state, std::string name) : state_(state), name_(std::move(name)) {}

    /// Waits, longer each time; false if cancelled.
    bool wait() noexcept {
        constexpr std::uint64_t longest = 50'000'000;  // nanoseconds
        CoQueue queue("connect", this);
        const Sleeper sleeper(state_, state_.time() + pause_, queue);
        pause_ = std::min(pause_ * 2, longest);
        return queue.wait(std::nothrow);
    }

    [[nodiscard]] std::string describe() const override { return name_; }

private:
    LoopState& state_;
    std::string name_;
    std::uint64_t pause_ = 1'000'000;
};

Result<PipeStream> stream_of(LoopState& state, Descriptor descriptor, std::string name,
                             const char* operation) {
    const Result<NodePtr<PipeNode>> node =
        PipeNode::adopt(state, std::move(descriptor), std::move(name), operation);
    if (!node) {
        return node.error();
    }
    return PipeStream(node->get());
}

/// The streams of two new descriptors.
Result<std::pair<PipeStream, PipeStream>> streams_of(LoopState& state, int first, int second,
                                                     const char* operation) {
    Descriptor second_descriptor{NativeDescriptor{second}};
    Result<PipeStream> one =
        stream_of(state, Descriptor(NativeDescriptor{first}), "a pipe", operation);
    if (!one) {
        return one.error();
    }
    Result<PipeStream> other = stream_of(state, std::move(second_descriptor), "a pipe", operation);
    if (!other) {
        return other.error();
    }
    return std::pair(*std::move(one), *std::move(other));
}

}  // namespace

PipeStream::PipeStream(PipeNode* node) noexcept : StreamHandle(node) {}

PipeNode& PipeStream::node() const noexcept {
    return static_cast<PipeNode&>(*StreamHandle::node());
}

Result<PipeStream> PipeStream::connect(const Path& name, std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("connect");
    const std::string readable = readable_name(name.string());
    if (Wait::already_cancelled()) {
        return Error(Errc::cancelled, "connect", readable);
    }
    Result<Descriptor> socket = connect_pipe(name.string());
    for (Retry retry(state, readable);
         !socket && socket.error().code() == std::errc::resource_unavailable_try_again;) {
        if (!retry.wait()) {
            return Error(Errc::cancelled, "connect", readable);
        }
        socket = connect_pipe(name.string());
    }
    if (!socket) {
        return socket.error();
    }
    return stream_of(state, *std::move(socket), readable, "connect");
}

Result<PipeStream> PipeStream::adopt_descriptor(Descriptor descriptor, std::string_view name,
                                                std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("adopt a descriptor");
    if (!descriptor.is_open()) {
        return Error(uv_code(UV_EBADF), "adopt", name);
    }
    if (descriptor.kind() != DescriptorKind::pipe_stream) {
        return Error(uv_code(UV_EINVAL), "adopt", name);
    }
    return stream_of(state, std::move(descriptor), std::string(name), "adopt");
}

Result<void> PipeStream::send_descriptors(std::span<const Descriptor> descriptors,
                                          std::span<const std::byte> bytes,
                                          std::nothrow_t /*tag*/) noexcept {
    constexpr const char* operation = "send descriptors to";
    if (StreamHandle::node() == nullptr) {
        return closed(operation);
    }
    const NodePtr<PipeNode> hold(&node());  // this object may be moved while the coroutine waits
    return hold->write_by(operation, bytes, [&] {
        return send_with_descriptors(hold->descriptor(), bytes, descriptors);
    });
}

Result<ReceivedDescriptors> PipeStream::receive_descriptors(std::span<std::byte> buffer,
                                                            std::nothrow_t /*tag*/) noexcept {
    constexpr const char* operation = "receive descriptors from";
    if (StreamHandle::node() == nullptr) {
        return closed(operation);
    }
    if (buffer.empty()) {
        return ReceivedDescriptors();
    }
    const NodePtr<PipeNode> hold(&node());
    ReceivedDescriptors received;
    int status = 0;
    const Result<void> done = hold->read_by(operation, [&] {
        status = receive_with_descriptors(hold->descriptor(), buffer, received);
        return status != UV_EAGAIN;
    });
    if (!done) {
        return done.error();
    }
    if (status != 0) {
        return hold->error(status, operation);
    }
    return received;
}

std::pair<PipeStream, PipeStream> pipe_pair() { return pipe_pair(std::nothrow).value(); }

Result<std::pair<PipeStream, PipeStream>> pipe_pair(std::nothrow_t /*tag*/) noexcept {
    constexpr const char* operation = "make a pair of pipes";
    LoopState& state = LoopState::current(operation);
    uv_os_sock_t ends[2];
    if (const int status =
            uv_socketpair(SOCK_STREAM, 0, ends, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE)) {
        return Error(uv_code(status), operation);
    }
    return streams_of(state, ends[0], ends[1], operation);
}

OneWayPipe one_way_pipe() { return one_way_pipe(std::nothrow).value(); }

Result<OneWayPipe> one_way_pipe(std::nothrow_t /*tag*/) noexcept {
    constexpr const char* operation = "make a pipe";
    LoopState& state = LoopState::current(operation);
    uv_file ends[2];
    if (const int status = uv_pipe(ends, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE)) {
        return Error(uv_code(status), operation);
    }
    auto streams = streams_of(state, ends[0], ends[1], operation);
    if (!streams) {
        return streams.error();
    }
    return OneWayPipe{std::move(streams->first), std::move(streams->second)};
}

}  // namespace coloop

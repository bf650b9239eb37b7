// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <string>

#include <uv.h>

#include <coloop/address.hpp>
#include <coloop/deadline.hpp>
#include <coloop/descriptor.hpp>
#include <coloop/result.hpp>

#include "io/handle_node.hpp"
#include "io/listen_socket.hpp"
#include "io/pipe_socket.hpp"

namespace coloop {

/// A listening socket of any kind, watched only while somebody waits to accept; then it takes a few
/// connections at once, and a slow server leaves the others in the system's backlog. When the
/// system has no room for another descriptor, one waiter is told, and accepting pauses for a moment
/// instead of spinning.
class ListenerNode final : public HandleNode, private Deadline {
public:
    /// `name` is where it listens, for errors; `file` what is to be removed when it closes.
    static Result<NodePtr<ListenerNode>> create(LoopState& state, Descriptor socket,
                                                std::string name, SocketFile file = {}) noexcept;

    Result<Accepted> accept() noexcept;

    /// Closes as soon as all connections in hand are accepted.
    void stop() noexcept;

    [[nodiscard]] const Address& local_address() const noexcept { return address_; }

    [[nodiscard]] std::string describe() const override { return name_; }

    /// Must not be used once it is closing.
    [[nodiscard]] NativeDescriptor socket() const noexcept { return socket_.native(); }

    /// Leaves the socket file in its place when it closes.
    void keep_file() noexcept { file_.keep(); }

    [[nodiscard]] Error error(std::error_code code) const { return {code, "accept", describe()}; }

private:
    ListenerNode(LoopState& state, Descriptor socket, std::string name, SocketFile file) noexcept
        : HandleNode(state),
          socket_(std::move(socket)),
          name_(std::move(name)),
          file_(std::move(file)),
          address_(local_address_of(number())) {}

    ~ListenerNode() override = default;

    [[nodiscard]] int number() const noexcept { return static_cast<int>(socket_.native()); }

    Result<Accepted> take() noexcept;
    void wake_next() noexcept;
    void on_ready() noexcept;
    void watch() noexcept;
    void unwatch() noexcept;
    void expire() noexcept override;
    void close_handle() noexcept override;

    void wake_all() noexcept override { waiters_.wake_all(); }

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&poll_);
    }

    uv_poll_t poll_;
    Descriptor socket_;
    std::string name_;
    SocketFile file_;
    Address address_;
    std::deque<Accepted> accepted_;
    CoQueue waiters_{"accept", this};
    std::size_t promised_ = 0;  // waiters that were woken and did not run yet
    int failure_ = 0;           // for the next to ask
    bool watching_ = false;
    bool stopped_ = false;
};

}  // namespace coloop

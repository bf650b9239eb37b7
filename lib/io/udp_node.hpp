// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <uv.h>

#include <coloop/udp.hpp>

#include "io/handle_node.hpp"

namespace coloop {

/// More than any protocol has; libuv counts with 32 bits.
inline constexpr std::size_t largest_datagram = std::size_t{1} << 30;

/// A UDP socket's handle, and who receives and sends.
///
/// Receiving stays on after the first time, as in StreamNode: libuv's alloc callback hands out the
/// longest receiver's buffer, and if there is no receiver the datagram stays with the system. While
/// datagrams come faster than the loop turns they are taken directly, several with one call.
///
/// Sending tries at once. What the system has no room for is copied and left to libuv, whose
/// requests can only be taken back by closing the socket: so a sender that is cancelled leaves one
/// datagram behind, not a dead socket. There is one such at a time; other senders wait.
class UdpNode final : public HandleNode {
public:
    static Result<NodePtr<UdpNode>> create(LoopState& state, const Address& local,
                                           const UdpOptions& options) noexcept;
    static Result<NodePtr<UdpNode>> connect(LoopState& state, const Address& peer) noexcept;
    static Result<NodePtr<UdpNode>> adopt(LoopState& state, Descriptor descriptor) noexcept;

    /// Receives one at least.
    Result<std::size_t> receive(std::span<IncomingDatagram> places) noexcept;

    /// Sends one at least.
    Result<std::size_t> send(std::span<const OutgoingDatagram> datagrams) noexcept;

    Result<void> set_peer(const Address* peer) noexcept;

    [[nodiscard]] std::string describe() const override { return local_.to_string(); }

    [[nodiscard]] Error error(int status, const char* operation) const;
    [[nodiscard]] Error error(Errc code, const char* operation) const;

    [[nodiscard]] uv_udp_t& udp() noexcept { return udp_; }

private:
    class Unsent;
    struct Receiver;

    /// Coroutines that receive, each with its Receiver.
    class Receivers : public CoQueue {
    public:
        using CoQueue::CoQueue;

        [[nodiscard]] bool wait(Receiver& receiver) noexcept {
            return wait_as(reinterpret_cast<std::uintptr_t>(&receiver), back);
        }

        [[nodiscard]] Receiver& first() const noexcept {
            return *reinterpret_cast<Receiver*>(first_tag());
        }
    };

    explicit UdpNode(LoopState& state) noexcept : HandleNode(state) {}

    ~UdpNode() override = default;

    static Result<NodePtr<UdpNode>> open(LoopState& state, unsigned family, const char* operation,
                                         const std::string& object) noexcept;
    static void on_alloc(uv_handle_t* handle, std::size_t suggested, uv_buf_t* buffer) noexcept;
    static void on_receive(uv_udp_t* udp, ssize_t count, const uv_buf_t* buffer,
                           const sockaddr* sender, unsigned flags) noexcept;

    void learn_local_address() noexcept;
    int start_receiving() noexcept;
    void pause_receiving() noexcept;
    Result<std::size_t> wait_receive(std::span<IncomingDatagram> places) noexcept;
    void take_others(std::span<IncomingDatagram> places, std::size_t& count) noexcept;
    Result<void> wait_for_room(const OutgoingDatagram& datagram) noexcept;
    int try_send(std::span<const OutgoingDatagram> datagrams) noexcept;
    Result<void> send_later(const OutgoingDatagram& datagram);
    [[nodiscard]] Error send_error(std::error_code code, const OutgoingDatagram& datagram) const;
    bool give_way() noexcept;

    void wake_all() noexcept override {
        receivers_.wake_all();
        senders_.wake_all();
    }

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&udp_);
    }

    uv_udp_t udp_;
    Address local_;
    Address peer_;
    bool has_peer_ = false;

    Receivers receivers_{"receive", this};
    std::byte spare_{};         // where an empty buffer's datagram goes
    int failure_ = 0;           // for the next to receive
    bool receiving_ = false;    // libuv receives when there is something
    bool more_may_be_ = false;  // the last try has got something
    unsigned unreceived_ = 0;   // times in a row that something came and nobody received

    CoQueue senders_{"send", this};
    bool unsent_ = false;
    unsigned immediate_ = 0;  // operations since one last waited
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <coloop/address.hpp>
#include <coloop/descriptor.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>

struct uv_udp_s;

namespace coloop {

class UdpNode;

struct UdpOptions {
    /// Lets several sockets have the same address and port, which listeners to a multicast group
    /// want. Each gets a copy of what is sent to a group; what is sent to one address goes to one.
    bool reuse_address = false;

    /// Lets several sockets of this user have the same address and port, and the system spread the
    /// senders over them: one per loop of a server with several threads.
    bool reuse_port = false;

    /// For an IPv6 address: take nothing from IPv4.
    bool ipv6_only = false;
};

/// What receive_from() has put into its buffer.
struct Received {
    std::size_t size;  ///< bytes in the buffer; an empty datagram has none
    Address sender;    ///< for answering
    bool truncated;    ///< the datagram was longer than the buffer, and its end is lost
};

/// A place for one of the datagrams that receive_many() takes, and then what came there.
struct IncomingDatagram {
    std::span<std::byte> buffer;
    std::size_t size = 0;
    Address sender = {};
    bool truncated = false;

    [[nodiscard]] std::span<std::byte> data() const noexcept { return buffer.first(size); }
};

/// One of the datagrams that send_many() sends; `receiver` is empty on a socket with a peer.
struct OutgoingDatagram {
    std::span<const std::byte> data;
    std::optional<Address> receiver = {};
};

/// A UDP socket. Each datagram arrives whole or not at all, and coloop keeps none: what nobody
/// receives stays with the system, which throws away what it has no room for.
///
/// Belongs to the loop of the coroutine that made it; sending and receiving must be done in a
/// coroutine of that loop. Several may receive at once, each gets the next datagram in turn;
/// several may send. Movable; moved from, or default-constructed, it is closed. The destructor
/// closes it without waiting. On a closed socket everything is an Error (closed).
///
/// That a datagram could not be delivered (no such port: connection refused) is told to the next
/// send or receive of a socket with a peer, once, as an Error, and harms nothing: that datagram was
/// not sent, and the socket goes on. Without a peer nobody is told.
class COLOOP_EXPORT UdpSocket {
public:
    UdpSocket() noexcept = default;

    /// Takes `local`, or any free port of it if that is 0. Does not wait. Throws Error, for
    /// instance if the port is in use.
    explicit UdpSocket(const Address& local, const UdpOptions& options = {})
        : UdpSocket(bind(local, options, std::nothrow).value()) {}

    /// The same for a numeric `host`: "127.0.0.1", or "0.0.0.0" and "::" for all.
    UdpSocket(std::string_view host, std::uint16_t port, const UdpOptions& options = {})
        : UdpSocket(Address::parse(host, port), options) {}

    /// The same; returns the Error.
    static Result<UdpSocket> bind(const Address& local, const UdpOptions& options,
                                  std::nothrow_t tag) noexcept;

    /// A socket with a peer, on a free port: it sends there and hears nobody else. Nothing is sent,
    /// so nobody need be there. Throws Error if there is no way to `peer`.
    static UdpSocket connect(const Address& peer) { return connect(peer, std::nothrow).value(); }

    /// The same; returns the Error.
    static Result<UdpSocket> connect(const Address& peer, std::nothrow_t tag) noexcept;

    /// Takes over a datagram socket that something else has opened. Throws Error if it is none, and
    /// closes it then.
    static UdpSocket adopt_descriptor(Descriptor descriptor) {
        return adopt_descriptor(std::move(descriptor), std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<UdpSocket> adopt_descriptor(Descriptor descriptor, std::nothrow_t tag) noexcept;

    explicit UdpSocket(UdpNode* node) noexcept;

    UdpSocket(UdpSocket&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}

    UdpSocket& operator=(UdpSocket&& other) noexcept {
        UdpSocket taken(std::move(other));
        std::swap(node_, taken.node_);
        return *this;
    }

    ~UdpSocket();

    /// Waits for the next datagram and puts it straight into `buffer`, whose unused part may be
    /// overwritten, too. Throws Error if the system says so, or if another coroutine closes the
    /// socket meanwhile, and Cancelled if the coroutine is cancelled before or while it waits; no
    /// datagram is lost then.
    [[nodiscard]] Received receive_from(std::span<std::byte> buffer) {
        return receive_from(buffer, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<Received> receive_from(std::span<std::byte> buffer, std::nothrow_t tag) noexcept;

    /// The same for a socket with a peer; returns the size. One that does not fit is lost, and an
    /// Error (message size).
    std::size_t receive(std::span<std::byte> buffer) {
        return receive(buffer, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<std::size_t> receive(std::span<std::byte> buffer, std::nothrow_t tag) noexcept;

    /// Waits for a datagram, takes with it, with few system calls, all others that are there and
    /// have a place in `places`, and returns how many; 0 only if `places` is empty. Errors are
    /// those of receive_from().
    std::size_t receive_many(std::span<IncomingDatagram> places) {
        return receive_many(places, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<std::size_t> receive_many(std::span<IncomingDatagram> places,
                                     std::nothrow_t tag) noexcept;

    /// Sends `data`, which may be empty, as one datagram; waits while the system has no room.
    /// Throws Error if the system refuses (too long: message size), or another coroutine closes the
    /// socket meanwhile, and Cancelled if the coroutine is cancelled before or while it waits; it
    /// may have been sent then, or is sent a little later.
    void send_to(std::span<const std::byte> data, const Address& receiver) {
        send_to(data, receiver, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<void> send_to(std::span<const std::byte> data, const Address& receiver,
                         std::nothrow_t tag) noexcept;

    /// The same to the peer.
    void send(std::span<const std::byte> data) { send(data, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> send(std::span<const std::byte> data, std::nothrow_t tag) noexcept;

    /// Sends several datagrams in order, with few system calls, and returns how many: all, unless
    /// one could not be sent or the coroutine was cancelled; a further call, which begins with that
    /// one, tells why. Throws as send_to() does if the first could not be sent.
    std::size_t send_many(std::span<const OutgoingDatagram> datagrams) {
        return send_many(datagrams, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<std::size_t> send_many(std::span<const OutgoingDatagram> datagrams,
                                  std::nothrow_t tag) noexcept;

    /// Gives the socket a peer, or another one: see connect(). Throws Error if there is no way
    /// there; it has no peer then. What others had sent before may still be received.
    void set_peer(const Address& peer) { set_peer(peer, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_peer(const Address& peer, std::nothrow_t tag) noexcept;

    /// Makes it a socket without a peer again. Throws Error if it has none.
    void clear_peer() { clear_peer(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> clear_peer(std::nothrow_t tag) noexcept;

    /// Where this socket is.
    [[nodiscard]] Address local_address() const { return local_address(std::nothrow).value(); }

    /// The same; returns the Error.
    [[nodiscard]] Result<Address> local_address(std::nothrow_t tag) const noexcept;

    /// Where its peer is. Throws Error (not connected) if it has none.
    [[nodiscard]] Address peer_address() const { return peer_address(std::nothrow).value(); }

    /// The same; returns the Error.
    [[nodiscard]] Result<Address> peer_address(std::nothrow_t tag) const noexcept;

    /// Takes part in a multicast group, "239.1.2.3" or "ff02::1:3", on the interface that has the
    /// numeric address `interface` ("::%eth0" names one of IPv6), or the one that the system
    /// chooses. With `source`, only what that host sends is received. Throws Error if the group
    /// is none or the interface does not exist.
    void join_group(std::string_view group, std::string_view interface = {},
                    std::string_view source = {}) {
        join_group(group, interface, source, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<void> join_group(std::string_view group, std::string_view interface,
                            std::string_view source, std::nothrow_t tag) noexcept;

    /// Takes back join_group() with the same arguments. Throws Error if there is nothing to leave.
    void leave_group(std::string_view group, std::string_view interface = {},
                     std::string_view source = {}) {
        leave_group(group, interface, source, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<void> leave_group(std::string_view group, std::string_view interface,
                             std::string_view source, std::nothrow_t tag) noexcept;

    /// By which interface, given by its numeric address, what is sent to a group leaves. Throws
    /// Error if there is none with it.
    void set_multicast_interface(std::string_view interface) {
        set_multicast_interface(interface, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<void> set_multicast_interface(std::string_view interface, std::nothrow_t tag) noexcept;

    /// Whether what is sent to a group also comes to its listeners on this machine; on at first.
    void set_multicast_loop(bool on) { set_multicast_loop(on, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_multicast_loop(bool on, std::nothrow_t tag) noexcept;

    /// How many routers what is sent to a group may pass, plus one: 1 at first, 255 at most. Throws
    /// Error for other numbers.
    void set_multicast_ttl(int hops) { set_multicast_ttl(hops, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_multicast_ttl(int hops, std::nothrow_t tag) noexcept;

    /// The same for what is sent to one address; 1 to 255.
    void set_ttl(int hops) { set_ttl(hops, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_ttl(int hops, std::nothrow_t tag) noexcept;

    /// Whether sending to a broadcast address is allowed; off at first.
    void set_broadcast(bool on) { set_broadcast(on, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_broadcast(bool on, std::nothrow_t tag) noexcept;

    /// How many bytes the system keeps until they are received; it may take less, or double.
    void set_receive_buffer(std::size_t bytes) { set_receive_buffer(bytes, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_receive_buffer(std::size_t bytes, std::nothrow_t tag) noexcept;

    /// How many bytes the system keeps until they are sent; sending waits then.
    void set_send_buffer(std::size_t bytes) { set_send_buffer(bytes, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_send_buffer(std::size_t bytes, std::nothrow_t tag) noexcept;

    /// Bytes of a datagram that waits for room in the system; there is one at most.
    [[nodiscard]] std::size_t unsent() const noexcept;

    /// Closes the socket and returns when that is done; coroutines that wait for it get an Error
    /// (closed). Closing twice is fine. Not cancelled.
    void close() noexcept;

    [[nodiscard]] bool is_open() const noexcept;

    /// For what coloop does not wrap; null if closed. Must not be closed, read or written.
    [[nodiscard]] uv_udp_s* uv() const noexcept;

private:
    Result<void> set(const char* operation, int (*apply)(uv_udp_s*, int), int value) noexcept;

    UdpNode* node_ = nullptr;
};

}  // namespace coloop

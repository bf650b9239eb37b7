// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
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
#include <coloop/listener_handle.hpp>
#include <coloop/result.hpp>
#include <coloop/stream_handle.hpp>

struct uv_handle_s;
struct uv_tcp_s;

namespace coloop {

class LoopState;
class TcpNode;

struct ConnectOptions {
    /// Where this end is to be, with port 0 for any that is free. Of several addresses only those
    /// of its family are tried.
    std::optional<Address> local = std::nullopt;

    /// How long one address may stay silent before the next is tried, too.
    std::chrono::milliseconds attempt_delay = std::chrono::milliseconds(250);
};

/// A TCP connection; see StreamHandle for where it belongs and how it moves.
class COLOOP_EXPORT TcpStream final : public StreamHandle {
public:
    TcpStream() noexcept = default;
    explicit TcpStream(TcpNode* node) noexcept;

    /// Connects to `address`; to be called in a coroutine. Throws Error if that fails, Cancelled if
    /// the coroutine is cancelled before or meanwhile; nothing is left open then.
    static TcpStream connect(const Address& address, const ConnectOptions& options = {}) {
        return connect(address, options, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<TcpStream> connect(const Address& address, const ConnectOptions& options,
                                     std::nothrow_t tag) noexcept;

    static Result<TcpStream> connect(const Address& address, std::nothrow_t tag) noexcept {
        return connect(address, {}, tag);
    }

    /// Connects to whichever of `addresses` answers first: "happy eyeballs", RFC 8305. IPv6 and
    /// IPv4 take turns, beginning with the first one's kind; the next is tried when one has failed,
    /// or has been silent for ConnectOptions::attempt_delay; those that come too late are closed.
    /// If all fail, throws an Error with the first one's code that names them all.
    static TcpStream connect(std::span<const Address> addresses,
                             const ConnectOptions& options = {}) {
        return connect(addresses, options, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<TcpStream> connect(std::span<const Address> addresses,
                                     const ConnectOptions& options, std::nothrow_t tag) noexcept;

    /// Looks `host` up, which may be a name or a numeric address, and connects to its addresses as
    /// above.
    static TcpStream connect(std::string_view host, std::uint16_t port,
                             const ConnectOptions& options = {}) {
        return connect(host, port, options, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<TcpStream> connect(std::string_view host, std::uint16_t port,
                                     const ConnectOptions& options, std::nothrow_t tag) noexcept;

    static Result<TcpStream> connect(std::string_view host, std::uint16_t port,
                                     std::nothrow_t tag) noexcept {
        return connect(host, port, {}, tag);
    }

    /// Takes over a connected TCP socket that something else has opened; makes it non-blocking, for
    /// everybody who shares it. Throws Error if it is something else or not connected, and closes
    /// it then.
    static TcpStream adopt_descriptor(Descriptor descriptor) {
        return adopt_descriptor(std::move(descriptor), std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<TcpStream> adopt_descriptor(Descriptor descriptor, std::nothrow_t tag) noexcept;

    /// Closes the connection so that the peer gets a reset instead of an end of stream (after
    /// shutdown_write(), one after the other), and returns when that is done. Not cancelled.
    void reset() noexcept;

    /// Where this end is. Throws Error if the stream is closed.
    [[nodiscard]] Address local_address() const { return local_address(std::nothrow).value(); }

    /// The same; returns the Error.
    [[nodiscard]] Result<Address> local_address(std::nothrow_t tag) const noexcept;

    /// Where the other end is. Throws Error if the stream is closed.
    [[nodiscard]] Address peer_address() const { return peer_address(std::nothrow).value(); }

    /// The same; returns the Error.
    [[nodiscard]] Result<Address> peer_address(std::nothrow_t tag) const noexcept;

    /// Whether small writes are sent at once (TCP_NODELAY). Off at first, as in every system.
    /// Throws Error if the stream is closed or the system refuses.
    void set_no_delay(bool on) { set_no_delay(on, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_no_delay(bool on, std::nothrow_t tag) noexcept;

    /// Whether the system probes a silent peer, at first after `idle`; zero turns it off. Throws
    /// Error if the stream is closed or the system refuses: Linux takes 1 to 32767 seconds.
    void set_keep_alive(std::chrono::seconds idle) { set_keep_alive(idle, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_keep_alive(std::chrono::seconds idle, std::nothrow_t tag) noexcept;

    /// The same, with the time between probes, and how many may stay without an answer before the
    /// connection counts as lost.
    void set_keep_alive(std::chrono::seconds idle, std::chrono::seconds interval, int count) {
        set_keep_alive(idle, interval, count, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<void> set_keep_alive(std::chrono::seconds idle, std::chrono::seconds interval, int count,
                                std::nothrow_t tag) noexcept;

    /// How many bytes the system keeps that have come and were not read, at least; it has limits.
    /// Throws Error if the stream is closed or the system refuses.
    void set_receive_buffer(std::size_t bytes) { set_receive_buffer(bytes, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_receive_buffer(std::size_t bytes, std::nothrow_t tag) noexcept;

    /// The same for bytes that were written and not taken by the peer; a write waits for those
    /// beyond.
    void set_send_buffer(std::size_t bytes) { set_send_buffer(bytes, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> set_send_buffer(std::size_t bytes, std::nothrow_t tag) noexcept;

    /// For what coloop does not wrap; null if closed. Must not be closed, read or written.
    [[nodiscard]] uv_tcp_s* uv() const noexcept;

private:
    [[nodiscard]] const char* type() const noexcept override { return "a TcpStream"; }

    [[nodiscard]] TcpNode& node() const noexcept;

    using SetBuffer = int (*)(uv_handle_s* handle, int* bytes);
    Result<void> set_buffer(const char* operation, SetBuffer set, std::size_t bytes) noexcept;
};

struct ListenOptions {
    /// Connections that the system keeps for accept(); it has a limit of its own.
    int backlog = 4096;

    /// Lets several sockets of this user listen on the same port, and the system spread new
    /// connections over them: one per loop of a server with several threads.
    bool reuse_port = false;

    /// For an IPv6 address: take no IPv4 connections.
    bool ipv6_only = false;
};

/// A socket that takes TCP connections; see ListenerHandle for where it belongs and how it moves.
class COLOOP_EXPORT TcpListener final : public ListenerHandle {
public:
    /// Listens on a numeric `host` ("127.0.0.1", "::1"; "0.0.0.0" and "::" for all) and `port`, 0
    /// for any that is free. Made in a coroutine; does not wait. Throws Error, for instance if the
    /// port is in use; old connections that linger there are no hindrance.
    TcpListener(std::string_view host, std::uint16_t port, const ListenOptions& options = {})
        : TcpListener(Address::parse(host, port), options) {}

    explicit TcpListener(const Address& address, const ListenOptions& options = {});

    /// The same; returns the Error.
    static Result<TcpListener> listen(const Address& address, const ListenOptions& options,
                                      std::nothrow_t tag) noexcept;

    /// Takes over a TCP socket that listens already: one that was passed by another process, or by
    /// systemd. Throws Error if it is something else, and closes it then.
    static TcpListener adopt_descriptor(Descriptor descriptor) {
        return adopt_descriptor(std::move(descriptor), std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<TcpListener> adopt_descriptor(Descriptor descriptor, std::nothrow_t tag) noexcept;

    /// Waits for the next connection. Several coroutines may wait; each gets one in turn.
    ///
    /// Throws Error if the listener is closed by another coroutine, and when the process or the
    /// system has no room for more connections (too many open files): that passes, so go on
    /// accepting; the next call waits a moment before it tries again. Throws Cancelled if the
    /// coroutine is cancelled before or while it waits; no connection is lost then.
    TcpStream accept() { return accept(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<TcpStream> accept(std::nothrow_t tag) noexcept;

    /// Where it listens, with the port that was chosen.
    [[nodiscard]] Address local_address() const noexcept;

private:
    using ListenerHandle::ListenerHandle;

    static Result<TcpListener> listener_of(LoopState& state, Descriptor socket) noexcept;
};

}  // namespace coloop

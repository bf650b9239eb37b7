// SPDX-License-Identifier: MIT
//
// Streams and listeners of TCP and of the Unix domain: each call is the C++ one, with its Result as
// a code.
#include "c_api/stream.hpp"

#include <utility>
#include <variant>

#include <coloop/coloop.h>
#include <coloop/pipe.hpp>
#include <coloop/tcp.hpp>

#include "c_api/guarded.hpp"
#include "c_api/values.hpp"

namespace coloop::c_api {

namespace {

/// What C calls a listener. One that waits in accept() does not need it any more, so that it may be
/// freed meanwhile.
using Listener = std::variant<TcpListener, PipeListener>;

template <typename Kind>
int hand_over_stream(Result<Kind>&& result, coloop_stream** handle) noexcept {
    if (!result) {
        return fail(result.error());
    }
    Stream* stream = new (std::nothrow) Kind(*std::move(result));
    *handle = handle_of(stream);
    return stream != nullptr ? 0 : fail(UV_ENOMEM, "not enough memory");
}

template <typename Kind>
int hand_over_listener(Result<Kind>&& result, coloop_listener** handle) noexcept {
    return result ? hand_over(Result<Listener>(*std::move(result)), handle) : fail(result.error());
}

}  // namespace

}  // namespace coloop::c_api

using namespace coloop::c_api;
using coloop::Address;
using coloop::PipeListener;
using coloop::PipeStream;
using coloop::TcpListener;
using coloop::TcpStream;

int coloop_tcp_connect(const char* host, std::uint16_t port, coloop_stream** stream) {
    return hand_over_stream(TcpStream::connect(host, port, std::nothrow), stream);
}

int coloop_pipe_connect(const char* name, coloop_stream** stream) {
    return guarded(
        [&] { return hand_over_stream(PipeStream::connect(name, std::nothrow), stream); });
}

int coloop_pipe_pair(coloop_stream** one, coloop_stream** other) {
    auto pair = coloop::pipe_pair(std::nothrow);
    if (!pair) {
        return fail(pair.error());
    }
    const int status = hand_over_stream(coloop::Result<PipeStream>(std::move(pair->first)), one);
    if (status != 0) {
        return status;
    }
    const int other_status =
        hand_over_stream(coloop::Result<PipeStream>(std::move(pair->second)), other);
    if (other_status != 0) {
        coloop_stream_free(*one);
    }
    return other_status;
}

std::int64_t coloop_stream_read(coloop_stream* stream, void* buffer, std::size_t size) {
    return count_of(stream_of(stream).read(bytes_at(buffer, size), std::nothrow));
}

int coloop_stream_read_exactly(coloop_stream* stream, void* buffer, std::size_t size) {
    return status_of(stream_of(stream).read_exactly(bytes_at(buffer, size), std::nothrow));
}

int coloop_stream_write(coloop_stream* stream, const void* bytes, std::size_t size) {
    return status_of(stream_of(stream).write(bytes_at(bytes, size), std::nothrow));
}

int coloop_stream_shutdown(coloop_stream* stream) {
    return status_of(stream_of(stream).shutdown_write(std::nothrow));
}

int coloop_stream_peer(const coloop_stream* stream, coloop_address* address) {
    const auto* tcp = dynamic_cast<const TcpStream*>(&stream_of(stream));
    if (tcp == nullptr) {
        return fail(UV_ENOTSUP, "ask for the peer of a stream that is not of TCP");
    }
    return guarded([&] {
        const auto peer = tcp->peer_address(std::nothrow);
        if (peer) {
            store(*peer, *address);
        }
        return status_of(peer);
    });
}

void coloop_stream_close(coloop_stream* stream) { stream_of(stream).close(); }

void coloop_stream_free(coloop_stream* stream) { delete &stream_of(stream); }

int coloop_tcp_listen(const char* host, std::uint16_t port, coloop_listener** listener) {
    const auto address = Address::parse(host, port, std::nothrow);
    return address ? hand_over_listener(TcpListener::listen(*address, {}, std::nothrow), listener)
                   : fail(address.error());
}

int coloop_pipe_listen(const char* name, unsigned permissions, coloop_listener** listener) {
    return guarded([&] {
        return hand_over_listener(
            PipeListener::listen(name, {.permissions = permissions}, std::nothrow), listener);
    });
}

std::uint16_t coloop_listener_port(const coloop_listener* listener) {
    const auto* tcp = std::get_if<TcpListener>(&object_of<const Listener>(listener));
    return tcp != nullptr ? tcp->local_address().port() : std::uint16_t{0};
}

int coloop_listener_accept(coloop_listener* listener, coloop_stream** stream) {
    return std::visit(
        [&](auto& kind) { return hand_over_stream(kind.accept(std::nothrow), stream); },
        object_of<Listener>(listener));
}

void coloop_listener_free(coloop_listener* listener) { delete &object_of<Listener>(listener); }

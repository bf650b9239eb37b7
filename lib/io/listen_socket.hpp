// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <coloop/address.hpp>
#include <coloop/descriptor.hpp>
#include <coloop/tcp.hpp>

namespace coloop {

/// Opens a socket that listens, non-blocking and not inherited; returns its descriptor or a
/// negative libuv code.
int open_listen_socket(const Address& address, const ListenOptions& options) noexcept;

struct Accepted {
    int descriptor;  ///< or a negative libuv code; UV_EAGAIN if nobody is there
    Address peer;    ///< of a TCP connection
};

/// Takes one waiting connection, non-blocking and not inherited.
Accepted accept_one(int listener) noexcept;

/// 0.0.0.0:0 for a socket that is not of the internet.
Address local_address_of(int descriptor) noexcept;

/// 0.0.0.0:0 for a socket that is not connected.
Address peer_address_of(int descriptor) noexcept;

/// How keep-alive probes follow each other; returns zero or a libuv code.
int set_probes(int descriptor, std::int64_t interval, int count) noexcept;

void close_socket(int descriptor) noexcept;

/// Closes a connection so that the peer gets a reset.
void reset_socket(int descriptor) noexcept;

/// Has closing reset the connection.
void discard_on_close(int descriptor) noexcept;

}  // namespace coloop

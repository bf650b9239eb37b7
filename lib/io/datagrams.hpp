// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include <uv.h>

#include <coloop/udp.hpp>

namespace coloop {

/// Sets what libuv can't before a socket is bound; returns 0 or libuv's code.
int prepare_udp(const uv_udp_t* udp, bool ipv6, const UdpOptions& options) noexcept;

/// Takes datagrams that are there, with one system call, without waiting; how many, or libuv's
/// code: UV_EAGAIN if there is none, or the system can't do this.
int take_datagrams(const uv_udp_t* udp, std::span<IncomingDatagram> places) noexcept;

/// Sends as many datagrams as there is room for, with one system call, without waiting; how many,
/// or libuv's code if not even the first, UV_ENOSYS if the system can't do this.
int give_datagrams(const uv_udp_t* udp, std::span<const OutgoingDatagram> datagrams) noexcept;

}  // namespace coloop

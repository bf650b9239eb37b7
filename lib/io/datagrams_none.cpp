// SPDX-License-Identifier: MIT
#include "io/datagrams.hpp"

namespace coloop {

int prepare_udp(const uv_udp_t* /*udp*/, bool /*ipv6*/, const UdpOptions& options) noexcept {
    return options.reuse_port ? UV_ENOTSUP : 0;
}

int take_datagrams(const uv_udp_t* /*udp*/, std::span<IncomingDatagram> /*places*/) noexcept {
    return UV_EAGAIN;
}

int give_datagrams(const uv_udp_t* /*udp*/,
                   std::span<const OutgoingDatagram> /*datagrams*/) noexcept {
    return UV_ENOSYS;
}

}  // namespace coloop

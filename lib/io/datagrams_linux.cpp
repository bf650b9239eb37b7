// SPDX-License-Identifier: MIT
//
// Many datagrams with one system call. libuv's own way of receiving them wants one buffer of 64 KiB
// for each, from which they would have to be copied; here each goes where the caller wants it.
#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

#include "io/datagrams.hpp"

namespace coloop {

namespace {

constexpr std::size_t most = 32;  // for one call; this is what it needs on the stack

struct Batch {
    mmsghdr messages[most];
    iovec pieces[most];
    sockaddr_storage senders[most];
};

int descriptor_of(const uv_udp_t* udp) noexcept {
    uv_os_fd_t descriptor = -1;
    uv_fileno(reinterpret_cast<const uv_handle_t*>(udp), &descriptor);
    return descriptor;
}

/// The answer of recvmmsg() or sendmmsg(), which `call` calls.
template <typename Call>
int answer_of(Call call) noexcept {
    int count = 0;
    do {
        count = call();
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return errno == ENOBUFS ? UV_EAGAIN : uv_translate_sys_error(errno);
    }
    return count == 0 ? UV_EAGAIN : count;
}

}  // namespace

int prepare_udp(const uv_udp_t* udp, bool ipv6, const UdpOptions& options) noexcept {
    const int descriptor = descriptor_of(udp);
    const int only = options.ipv6_only ? 1 : 0;
    if (ipv6 && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) {
        return uv_translate_sys_error(errno);
    }
    const int on = 1;
    if (options.reuse_port &&
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
        return uv_translate_sys_error(errno);
    }
    return 0;
}

int take_datagrams(const uv_udp_t* udp, std::span<IncomingDatagram> places) noexcept {
    Batch batch;
    const std::size_t count = std::min(places.size(), most);
    for (std::size_t i = 0; i < count; ++i) {
        batch.pieces[i] = {places[i].buffer.data(), places[i].buffer.size()};
        batch.messages[i] = {};
        batch.messages[i].msg_hdr.msg_iov = &batch.pieces[i];
        batch.messages[i].msg_hdr.msg_iovlen = 1;
        batch.messages[i].msg_hdr.msg_name = &batch.senders[i];
        batch.messages[i].msg_hdr.msg_namelen = sizeof batch.senders[i];
        batch.senders[i].ss_family = AF_UNSPEC;  // stays so if the system says nothing
    }
    const int taken = answer_of([&] {
        return recvmmsg(descriptor_of(udp), batch.messages, static_cast<unsigned>(count),
                        MSG_DONTWAIT, nullptr);
    });
    for (int i = 0; i < taken; ++i) {
        IncomingDatagram& place = places[static_cast<std::size_t>(i)];
        place.size = batch.messages[i].msg_len;
        place.sender = Address::from_native(reinterpret_cast<sockaddr*>(&batch.senders[i]));
        place.truncated = (batch.messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    }
    return taken;
}

int give_datagrams(const uv_udp_t* udp, std::span<const OutgoingDatagram> datagrams) noexcept {
    Batch batch;
    const std::size_t count = std::min(datagrams.size(), most);
    for (std::size_t i = 0; i < count; ++i) {
        // The structure is not const, but the system only reads from what it sends.
        batch.pieces[i] = {const_cast<std::byte*>(datagrams[i].data.data()),
                           datagrams[i].data.size()};
        batch.messages[i] = {};
        batch.messages[i].msg_hdr.msg_iov = &batch.pieces[i];
        batch.messages[i].msg_hdr.msg_iovlen = 1;
        if (const std::optional<Address>& receiver = datagrams[i].receiver) {
            batch.messages[i].msg_hdr.msg_name = const_cast<sockaddr*>(receiver->native());
            batch.messages[i].msg_hdr.msg_namelen =
                receiver->is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
        }
    }
    return answer_of([&] {
        return sendmmsg(descriptor_of(udp), batch.messages, static_cast<unsigned>(count),
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    });
}

}  // namespace coloop

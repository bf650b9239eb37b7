// SPDX-License-Identifier: MIT
//
// Descriptors that travel with bytes. libuv passes one at a time, only streams of its own, and
// keeps what arrives in a queue without bound until somebody asks.
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <uv.h>

#include "io/pass_descriptors.hpp"

namespace coloop {

namespace {

constexpr std::size_t most_descriptors = 253;  // Linux's SCM_MAX_FD

/// Room for the control part of a message.
union Control {
    cmsghdr header;  // for its alignment
    char bytes[CMSG_SPACE(sizeof(int) * most_descriptors)];
};

void put(msghdr& message, Control& control, std::span<const Descriptor> descriptors) noexcept {
    if (descriptors.empty()) {
        return;
    }
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    unsigned char* place = CMSG_DATA(header);
    for (const Descriptor& descriptor : descriptors) {
        const auto number = static_cast<int>(descriptor.native());
        std::memcpy(place, &number, sizeof number);
        place += sizeof number;
    }
}

void take(msghdr& message, ReceivedDescriptors& received) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const unsigned char* place = CMSG_DATA(header);
        for (std::size_t left = header->cmsg_len - CMSG_LEN(0); left >= sizeof(int);
             left -= sizeof(int), place += sizeof(int)) {
            int number = -1;
            std::memcpy(&number, place, sizeof number);
            received.descriptors.emplace_back(NativeDescriptor{number});
        }
    }
}

}  // namespace

std::ptrdiff_t send_with_descriptors(int socket, std::span<const std::byte> bytes,
                                     std::span<const Descriptor> descriptors) noexcept {
    if (bytes.empty() || descriptors.size() > most_descriptors) {
        return UV_EINVAL;
    }
    iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    Control control{};
    put(message, control, descriptors);
    ssize_t count = 0;
    do {
        count = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? uv_translate_sys_error(errno) : count;
}

int receive_with_descriptors(int socket, std::span<std::byte> buffer,
                             ReceivedDescriptors& received) noexcept {
    iovec piece{buffer.data(), buffer.size()};
    Control control{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    ssize_t count = 0;
    do {
        count = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return uv_translate_sys_error(errno);
    }
    received.size = static_cast<std::size_t>(count);
    received.lost = (message.msg_flags & MSG_CTRUNC) != 0;
    take(message, received);
    return 0;
}

}  // namespace coloop

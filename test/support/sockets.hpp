// SPDX-License-Identifier: MIT
//
// Connections over the loopback interface, and plain sockets for the far end of one.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/address.hpp>
#include <coloop/loop.hpp>
#include <coloop/tcp.hpp>

#include "support/descriptors.hpp"
#include "support/random.hpp"

namespace coloop {

/// An address of the loopback interface for this process alone: a port of it that was free, or that
/// was given back, is not taken by another test that runs beside this one.
inline std::string own_host() {
    const auto process = static_cast<unsigned>(getpid());
    return "127." + std::to_string(64 + (process >> 16 & 63)) + '.' +
           std::to_string(process >> 8 & 255) + '.' + std::to_string(process & 255);
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

/// `size` bytes that look random; zeroes are among them.
inline std::vector<std::byte> random_bytes(std::size_t size, std::uint64_t seed = 1) {
    Random random(seed);
    std::vector<std::byte> bytes(size);
    for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(random.next());
    }
    return bytes;
}

/// The two ends of a connection, both of this loop.
struct TcpPair {
    TcpStream near;
    TcpStream far;

    TcpPair() {
        TcpListener listener("127.0.0.1", 0);
        near = TcpStream::connect(listener.local_address());
        far = listener.accept();
        listener.close();
    }
};

/// A blocking socket of the system, for a peer that coloop knows nothing of.
class PlainSocket {
public:
    explicit PlainSocket(int descriptor) : descriptor_(descriptor) {
        REQUIRE(descriptor_ >= 0);
        const timeval patience{50, 0};
        setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }

    /// Connects; the kernel answers, so that no loop need run.
    static PlainSocket connected_to(const Address& address) {
        PlainSocket result(socket(address.native()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const socklen_t size = address.is_ipv6() ? 28 : 16;
        REQUIRE(connect(result.descriptor_, address.native(), size) == 0);
        return result;
    }

    PlainSocket(PlainSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

    PlainSocket& operator=(PlainSocket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }

    ~PlainSocket() { close(); }

    [[nodiscard]] int descriptor() const { return descriptor_; }

    void send(std::string_view text) const {
        REQUIRE(::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }

    /// What there is, or comes before the test would time out; empty at the end.
    [[nodiscard]] std::string receive() const {
        char buffer[4096];
        const ssize_t count = recv(descriptor_, buffer, sizeof buffer, 0);
        REQUIRE(count >= 0);
        return {buffer, static_cast<std::size_t>(count)};
    }

    /// The system's number for how reading fails after what has come; 0 if it just ends.
    [[nodiscard]] int read_error() const {
        std::array<char, 4096> buffer;
        ssize_t count = 0;
        do {
            count = recv(descriptor_, buffer.data(), buffer.size(), 0);
        } while (count > 0);
        return count < 0 ? errno : 0;
    }

    void close() {
        if (descriptor_ >= 0) {
            ::close(std::exchange(descriptor_, -1));
        }
    }

    /// Closes it so that the peer gets a reset.
    void reset() {
        const linger at_once{1, 0};
        setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close();
    }

private:
    int descriptor_;
};

/// A coloop end and a plain one.
struct HalfPair {
    TcpStream near;
    PlainSocket far{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    HalfPair() {
        TcpListener listener("127.0.0.1", 0);
        far = PlainSocket::connected_to(listener.local_address());
        near = listener.accept();
        listener.close();
    }
};

/// Of a stream or datagram socket of coloop's.
template <typename Socket>
int descriptor_of(const Socket& socket) {
    uv_os_fd_t descriptor = -1;
    REQUIRE(uv_fileno(reinterpret_cast<uv_handle_t*>(socket.uv()), &descriptor) == 0);
    return descriptor;
}

/// Stops the thread until the system has something to tell of a socket: what was sent to it is on
/// its way for a while. `events` 0 stands for a reset.
inline void wait_for_arrival(int descriptor, short events = POLLIN) {
    pollfd arrival{.fd = descriptor, .events = events, .revents = 0};
    REQUIRE(::poll(&arrival, 1, -1) == 1);
}

/// Writes until the peer's side takes no more and the writer would have to wait; returns how much.
inline std::size_t fill(TcpStream& stream) {
    std::size_t total = 0;
    const std::vector<std::byte> chunk(64 * 1024);
    const int descriptor = descriptor_of(stream);
    const auto send_some = [&] {
        const ssize_t count = ::send(descriptor, chunk.data(), chunk.size(), MSG_DONTWAIT);
        total += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
        return count > 0;
    };
    do {
        while (send_some()) {
        }
        // The system may still be moving what it took to the receiver.
        pollfd room{.fd = descriptor, .events = POLLOUT, .revents = 0};
        ::poll(&room, 1, 10);
    } while (send_some());  // what would fit is less than poll() wants to see
    return total;
}

}  // namespace coloop

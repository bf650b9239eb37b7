// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <vector>

#include "socks5.hpp"

namespace proxy {

namespace {

constexpr std::size_t largest_datagram = std::size_t{64} << 10;

/// Who speaks IPv4 to a socket of IPv6, which knows it as ::ffff:127.0.0.1, is spoken to by IPv4.
coloop::Address without_mapping(const coloop::Address& address) {
    constexpr std::size_t prefix = 12;
    const std::span<const std::byte> host = address.host_bytes();
    const bool is_mapped = address.is_ipv6() && host[10] == std::byte{0xff} &&
                           host[11] == std::byte{0xff} &&
                           std::all_of(host.begin(), host.begin() + 10,
                                       [](std::byte byte) { return byte == std::byte{0}; });
    return is_mapped ? coloop::Address::from_bytes(host.subspan(prefix), address.port()) : address;
}

/// A socket at any port of `host`; closed if the machine has no addresses of that family.
coloop::UdpSocket open(const coloop::Address& host) {
    auto socket = coloop::UdpSocket::bind(host.with_port(0), {.ipv6_only = true}, std::nothrow);
    if (!socket && socket.error().code() == std::errc::too_many_files_open) {
        throw Refusal{socket.error().what()};
    }
    return socket ? *std::move(socket) : coloop::UdpSocket();
}

class Association {
public:
    Association(const coloop::TcpStream& connection, std::uint16_t port, Access& access)
        : access_(access),
          client_(without_mapping(access.client).with_port(port)),
          inner_(open(without_mapping(connection.local_address()))) {}

    void run(coloop::TcpStream& connection) {
        write_reply(connection, Reply::succeeded, inner_.local_address());
        const bool in_time = idle_.run([&] {
            coloop::TaskGroup group;
            group.spawn([&] { relay_from_client(); }, {.name = "udp up"});
            group.spawn([&] { relay_to_client(outer_ipv4_); }, {.name = "udp down"});
            group.spawn([&] { relay_to_client(outer_ipv6_); }, {.name = "udp down"});
            std::array<std::byte, 64> ignored;
            while (connection.read(ignored) > 0) {
            }
        });
        access_.outcome = in_time ? "done" : "idle";
    }

private:
    void relay_from_client() {
        std::vector<std::byte> buffer(largest_datagram);
        while (true) {
            const auto received = inner_.receive_from(buffer, std::nothrow);
            coloop::check_cancelled();
            if (received && !received->truncated && is_client(received->sender)) {
                idle_.restart();
                forward(std::span(buffer).first(received->size));
            }
        }
    }

    /// True if it comes from where the client is; the first such datagram tells its port.
    bool is_client(const coloop::Address& sender) {
        if (client_.port() == 0 && sender.with_port(0) == client_) {
            client_ = sender;
        }
        return sender == client_;
    }

    void forward(std::span<const std::byte> datagram) {
        coloop::MemoryReader reader(datagram);
        try {
            static_cast<void>(coloop::read_be<std::uint16_t>(reader));  // reserved
            const bool is_fragment = coloop::read_be<std::uint8_t>(reader) != 0;
            const Target target = read_address(reader);
            if (is_fragment || !access_.settings.allows(target.port)) {
                return;
            }
            const auto found = coloop::with_timeout(access_.settings.connect_timeout,
                                                    [&] { return coloop::resolve(target.host); });
            coloop::UdpSocket& outer = found.front().is_ipv6() ? outer_ipv6_ : outer_ipv4_;
            outer.send_to(reader.rest(), found.front().with_port(target.port));
            access_.up += reader.rest().size();
        } catch (const Refusal&) {        // no address that one could know
        } catch (const coloop::Error&) {  // it was cut short, or can't be sent
        }
    }

    void relay_to_client(coloop::UdpSocket& outer) {
        std::vector<std::byte> buffer(largest_datagram);
        coloop::MemoryWriter message;
        while (outer.is_open()) {
            const auto received = outer.receive_from(buffer, std::nothrow);
            coloop::check_cancelled();
            if (!received || received->truncated || client_.port() == 0) {
                continue;
            }
            idle_.restart();
            message.clear();
            message.write(std::array<std::byte, 3>{});  // reserved, and no fragment
            write_address(message, received->sender);
            message.write(std::span(buffer).first(received->size));
            if (inner_.send_to(message.bytes(), client_, std::nothrow)) {
                access_.down += received->size;
            }
        }
    }

    Access& access_;
    coloop::Address client_;  // port 0 until it is known
    coloop::UdpSocket inner_;
    coloop::UdpSocket outer_ipv4_ = open(coloop::Address::parse("0.0.0.0", 0));
    coloop::UdpSocket outer_ipv6_ = open(coloop::Address::parse("::", 0));
    coloop::TimeoutScope idle_{coloop::saturated_ns(access_.settings.idle_timeout)};
};

}  // namespace

void associate_udp(coloop::TcpStream& client, std::uint16_t port, Access& access) {
    access.target = "udp";
    Association(client, port, access).run(client);
}

}  // namespace proxy

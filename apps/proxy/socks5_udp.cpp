// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "socks5.hpp"

namespace proxy {

namespace {

constexpr std::size_t largest_datagram = std::size_t{64} << 10;
constexpr std::size_t largest_header = 22;  // with an IPv6 address

/// A socket for one family; closed if the machine has no such addresses.
coloop::UdpSocket open(std::string_view any_address) {
    auto socket = coloop::UdpSocket::bind(coloop::Address::parse(any_address, 0),
                                          {.ipv6_only = true}, std::nothrow);
    return socket ? *std::move(socket) : coloop::UdpSocket();
}

class Association {
public:
    Association(coloop::TcpStream& connection, std::uint16_t port, Access& access)
        : connection_(connection),
          settings_(access.settings),
          access_(access),
          client_(access.client.with_port(port)),
          inner_(connection.local_address().with_port(0)) {}

    void run() {
        write_reply(connection_, Reply::succeeded, inner_.local_address());
        const bool in_time = idle_.run([&] {
            coloop::TaskGroup group;
            group.spawn([&] { relay_from_client(); }, {.name = "udp up"});
            group.spawn([&] { relay_to_client(outer_ipv4_); }, {.name = "udp down"});
            group.spawn([&] { relay_to_client(outer_ipv6_); }, {.name = "udp down"});
            std::array<std::byte, 64> ignored;
            while (connection_.read(ignored) > 0) {
            }
        });
        access_.outcome = in_time ? "done" : "idle";
    }

private:
    void relay_from_client() {
        const auto memory = std::make_unique_for_overwrite<std::byte[]>(largest_datagram);
        const std::span buffer(memory.get(), largest_datagram);
        while (true) {
            const auto received = inner_.receive_from(buffer, std::nothrow);
            coloop::check_cancelled();
            if (received && !received->truncated && is_client(received->sender)) {
                idle_.restart();
                forward(buffer.first(received->size));
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
            const auto receiver = is_fragment ? std::nullopt : resolve(target);
            if (receiver) {
                coloop::UdpSocket& outer = receiver->is_ipv6() ? outer_ipv6_ : outer_ipv4_;
                outer.send_to(reader.rest(), *receiver);
                access_.up += reader.rest().size();
            }
        } catch (const Refusal&) {        // no address that one could know
        } catch (const coloop::Error&) {  // it was cut short, or can't be sent
        }
    }

    /// Where to send it, if that is allowed. Datagrams mostly go to where the one before went.
    std::optional<coloop::Address> resolve(const Target& target) {
        if (!settings_.ports.empty() && !settings_.ports.contains(target.port)) {
            return std::nullopt;
        }
        if (target.host != last_host_) {
            const auto found = coloop::with_timeout(settings_.connect_timeout,
                                                    [&] { return coloop::resolve(target.host); });
            last_host_ = target.host;
            last_address_ = found.front();
        }
        return last_address_.with_port(target.port);
    }

    void relay_to_client(coloop::UdpSocket& outer) {
        const auto memory =
            std::make_unique_for_overwrite<std::byte[]>(largest_header + largest_datagram);
        const std::span data(memory.get() + largest_header, largest_datagram);
        while (outer.is_open()) {
            const auto received = outer.receive_from(data, std::nothrow);
            coloop::check_cancelled();
            if (!received || received->truncated || client_.port() == 0) {
                continue;
            }
            coloop::MemoryWriter header;
            header.write(std::array<std::byte, 3>{});  // reserved, and no fragment
            write_address(header, received->sender);
            const std::span<const std::byte> head = header.bytes();
            std::byte* const begin = data.data() - head.size();
            std::copy(head.begin(), head.end(), begin);
            idle_.restart();
            if (inner_.send_to({begin, head.size() + received->size}, client_, std::nothrow)) {
                access_.down += received->size;
            }
        }
    }

    coloop::TcpStream& connection_;
    const Settings& settings_;
    Access& access_;
    coloop::Address client_;  // port 0 until it is known
    coloop::UdpSocket inner_;
    coloop::UdpSocket outer_ipv4_ = open("0.0.0.0");
    coloop::UdpSocket outer_ipv6_ = open("::");
    coloop::TimeoutScope idle_{coloop::saturated_ns(settings_.idle_timeout)};
    std::string last_host_;
    coloop::Address last_address_;
};

}  // namespace

void associate_udp(coloop::TcpStream& client, std::uint16_t port, Access& access) {
    access.target = "udp";
    Association(client, port, access).run();
}

}  // namespace proxy

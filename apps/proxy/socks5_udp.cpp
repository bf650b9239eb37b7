// SPDX-License-Identifier: MIT
#include "socks5_udp.hpp"

#include <algorithm>
#include <memory>

#include <coloop/byte_order.hpp>
#include <coloop/dns.hpp>
#include <coloop/memory.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "socks5_address.hpp"

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

}  // namespace

UdpAssociation::UdpAssociation(coloop::TcpStream& client, std::uint16_t port, Proxy& proxy,
                               Access& access)
    : connection_(client),
      proxy_(proxy),
      access_(access),
      client_(client.peer_address().with_port(port)),
      inner_(client.local_address().with_port(0)),
      outer_ipv4_(open("0.0.0.0")),
      outer_ipv6_(open("::")) {
    access_.target = "udp";
}

void UdpAssociation::run() {
    IdleWatch::Watched watched(proxy_.idle);
    const bool in_time = watched.run([&] {
        coloop::TaskGroup group;
        group.spawn([&] { relay_from_client(watched); }, {.name = "udp up"});
        for (coloop::UdpSocket* outer : {&outer_ipv4_, &outer_ipv6_}) {
            group.spawn([this, outer, &watched] { relay_to_client(*outer, watched); },
                        {.name = "udp down"});
        }
        std::array<std::byte, 64> ignored;
        while (connection_.read(ignored) > 0) {
        }
    });
    access_.outcome = in_time ? "done" : "idle";
}

void UdpAssociation::relay_from_client(IdleWatch::Watched& watched) {
    const auto memory = std::make_unique_for_overwrite<std::byte[]>(largest_datagram);
    const std::span<std::byte> buffer(memory.get(), largest_datagram);
    while (inner_.is_open()) {
        const auto received = inner_.receive_from(buffer, std::nothrow);
        if (received && !received->truncated && is_client(received->sender)) {
            watched.touch();
            forward(buffer.first(received->size));
        }
        coloop::check_cancelled();
    }
}

/// True if it comes from where the client is; the first such datagram tells its port.
bool UdpAssociation::is_client(const coloop::Address& sender) {
    if (client_.port() == 0 && sender.with_port(0) == client_) {
        client_ = sender;
    }
    return sender == client_;
}

void UdpAssociation::forward(std::span<const std::byte> datagram) {
    coloop::MemoryReader reader(datagram);
    try {
        static_cast<void>(coloop::read_be<std::uint16_t>(reader));  // reserved
        const auto fragment = coloop::read_be<std::uint8_t>(reader);
        const std::optional<Target> target = read_socks5_address(reader);
        if (fragment != 0 || !target) {
            return;
        }
        if (const std::optional<coloop::Address> receiver = resolve(*target)) {
            coloop::UdpSocket& outer = receiver->is_ipv6() ? outer_ipv6_ : outer_ipv4_;
            if (outer.send_to(reader.rest(), *receiver, std::nothrow)) {
                access_.up += reader.rest().size();
            }
        }
    } catch (const coloop::EndOfStream&) {
        return;  // it was cut short
    }
}

/// Where to send it, if that is allowed. Datagrams mostly go to where the one before went.
std::optional<coloop::Address> UdpAssociation::resolve(const Target& target) {
    const auto& ports = proxy_.settings.ports;
    if (!ports.empty() && !ports.contains(target.port)) {
        return std::nullopt;
    }
    if (target.host != last_host_) {
        const auto found = coloop::move_on_after(proxy_.settings.connect_timeout, [&] {
            return coloop::resolve(target.host, std::nothrow);
        });
        if (!found || !*found) {
            return std::nullopt;
        }
        last_host_ = target.host;
        last_address_ = (*found)->front();
    }
    return last_address_.with_port(target.port);
}

void UdpAssociation::relay_to_client(coloop::UdpSocket& outer, IdleWatch::Watched& watched) {
    constexpr std::size_t most = largest_header + largest_datagram;
    const auto memory = std::make_unique_for_overwrite<std::byte[]>(most);
    const std::span<std::byte> buffer(memory.get(), most);
    const std::span<std::byte> data = buffer.subspan(largest_header);
    while (outer.is_open()) {
        const auto received = outer.receive_from(data, std::nothrow);
        coloop::check_cancelled();
        if (!received || received->truncated || client_.port() == 0) {
            continue;
        }
        coloop::MemoryWriter header;
        coloop::write_be<std::uint16_t>(header, 0);  // reserved
        coloop::write_be<std::uint8_t>(header, 0);   // no fragment
        write_socks5_address(header, received->sender);
        const std::size_t size = header.bytes().size();
        const std::span<std::byte> whole =
            buffer.subspan(largest_header - size, size + received->size);
        std::copy(header.bytes().begin(), header.bytes().end(), whole.begin());
        watched.touch();
        if (inner_.send_to(whole, client_, std::nothrow)) {
            access_.down += received->size;
        }
    }
}

}  // namespace proxy

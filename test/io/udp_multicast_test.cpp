// SPDX-License-Identifier: MIT
//
// Groups on the loopback interface, which needs no network.
#include <string>
#include <tuple>

#include <netinet/in.h>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/expect_error.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

constexpr const char* loopback = "127.0.0.1";

std::string receive_text(UdpSocket& socket) {
    std::array<std::byte, 64> buffer;
    return {reinterpret_cast<const char*>(buffer.data()), socket.receive_from(buffer).size};
}

}  // namespace

TEST_SUITE("UdpSocket, multicast") {
    TEST_CASE("what is sent to a group comes to all who joined") {
        run_in_loop([] {
            constexpr const char* group = "239.255.17.4";
            UdpSocket first("0.0.0.0", 0, {.reuse_address = true});
            const Address to = Address::parse(group, first.local_address().port());
            UdpSocket second("0.0.0.0", to.port(), {.reuse_address = true});
            UdpSocket sender(loopback, 0);
            sender.set_multicast_interface(loopback);
            first.join_group(group, loopback);
            second.join_group(group, loopback);
            sender.send_to(bytes_of("both"), to);
            CHECK(receive_text(first) == "both");
            CHECK(receive_text(second) == "both");
        });
    }

    TEST_CASE("a group that was joined can be left, once") {
        for (const auto& [any, group, interface] :
             {std::tuple("0.0.0.0", "239.255.17.4", "127.0.0.1"),
              std::tuple("::", "ff02::c010", "::%lo")}) {
            run_in_loop([&, any = any, group = group, interface = interface] {
                UdpSocket socket(any, 0);
                socket.join_group(group, interface);
                socket.leave_group(group, interface);
                expect_both([&] { socket.leave_group(group, interface); },
                            [&] { return socket.leave_group(group, interface, {}, std::nothrow); },
                            std::errc::address_not_available,
                            std::string("leave group ") + group + ": address not available");
            });
        }
    }

    TEST_CASE("a source may be chosen") {
        run_in_loop([] {
            constexpr const char* group = "232.10.20.30";
            UdpSocket listener("0.0.0.0", 0);
            const Address to = Address::parse(group, listener.local_address().port());
            UdpSocket sender(loopback, 0);
            UdpSocket other("127.0.0.2", 0);
            for (UdpSocket* socket : {&sender, &other}) {
                socket->set_multicast_interface(loopback);
            }
            listener.join_group(group, loopback, "127.0.0.2");
            sender.send_to(bytes_of("not for you"), to);
            other.send_to(bytes_of("for you"), to);
            CHECK(receive_text(listener) == "for you");
            listener.leave_group(group, loopback, "127.0.0.2");
            other.send_to(bytes_of("not any more"), to);
            sender.send_to(bytes_of("direct"),
                           Address::parse(loopback, listener.local_address().port()));
            CHECK(receive_text(listener) == "direct");
        });
    }

    TEST_CASE("the options of a sender come to the system") {
        run_in_loop([] {
            UdpSocket socket(loopback, 0);
            const auto option = [&](int level, int name) {
                uv_os_fd_t descriptor = -1;
                uv_fileno(reinterpret_cast<uv_handle_t*>(socket.uv()), &descriptor);
                int value = -1;
                socklen_t size = sizeof value;
                getsockopt(descriptor, level, name, &value, &size);
                return value;
            };
            CHECK(option(IPPROTO_IP, IP_MULTICAST_LOOP) == 1);
            socket.set_multicast_loop(false);
            CHECK(option(IPPROTO_IP, IP_MULTICAST_LOOP) == 0);
            socket.set_multicast_ttl(5);
            CHECK(option(IPPROTO_IP, IP_MULTICAST_TTL) == 5);
            socket.set_ttl(6);
            CHECK(option(IPPROTO_IP, IP_TTL) == 6);
            socket.set_broadcast(true);
            CHECK(option(SOL_SOCKET, SO_BROADCAST) == 1);
            socket.set_receive_buffer(20'000);
            CHECK(option(SOL_SOCKET, SO_RCVBUF) == 40'000);  // as Linux counts
            socket.set_send_buffer(30'000);
            CHECK(option(SOL_SOCKET, SO_SNDBUF) == 60'000);
            socket.set_send_buffer(0);  // as little as there may be
            CHECK(option(SOL_SOCKET, SO_SNDBUF) < 30'000);
        });
    }

    TEST_CASE("what is no group, interface or source is an error that names it, in both forms") {
        run_in_loop([] {
            UdpSocket socket(loopback, 0);
            const auto join = [&](const char* group, const char* interface, const char* source,
                                  const char* text) {
                expect_both(
                    [&] { socket.join_group(group, interface, source); },
                    [&] { return socket.join_group(group, interface, source, std::nothrow); },
                    std::errc::invalid_argument, text);
            };
            join("", "", "", "join group: invalid argument");
            join("nonsense", "", "", "join group nonsense: invalid argument");
            join("127.0.0.1", "", "", "join group 127.0.0.1: invalid argument");
            join("239.1.1.1", "nonsense", "", "join group 239.1.1.1: invalid argument");
            join("232.1.1.1", "127.0.0.1", "nonsense", "join group 232.1.1.1: invalid argument");
            expect_both([&] { socket.set_multicast_interface("nonsense"); },
                        [&] { return socket.set_multicast_interface("nonsense", std::nothrow); },
                        std::errc::invalid_argument,
                        "set the multicast interface of " + socket.local_address().to_string() +
                            ": invalid argument");
        });
    }
}

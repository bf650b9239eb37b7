// SPDX-License-Identifier: MIT
//
// UDP sockets that are cancelled, closed or torn down, and what they say when used wrongly. A
// receiver holds on to nothing. A sender waits only while the system has no room, which loopback
// UDP always has, so it is made to wait here on a local datagram socket, whose peer takes but a
// few:
//
//                 cancelled                                  closed by another
//   receiving     the datagram stays for the next            Error, closed
//   in the queue  not sent                                   Error, closed
//   no room       sent when there is room, socket lives on   Error, closed
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/poll_order.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

constexpr const char* loopback = "127.0.0.1";

/// A coloop socket and a plain one, connected, which soon have no room.
struct LocalPair {
    UdpSocket near;
    PlainSocket far;

    LocalPair() : far(open()) {}

    /// Sends until the system takes no more; returns how many.
    int fill() {
        uv_os_fd_t descriptor = -1;
        REQUIRE(uv_fileno(reinterpret_cast<uv_handle_t*>(near.uv()), &descriptor) == 0);
        int count = 0;
        while (::send(descriptor, "filler", 6, MSG_DONTWAIT) == 6) {
            ++count;
        }
        return count;
    }

    void drain(int count) const {
        for (; count > 0; --count) {
            CHECK(far.receive() == "filler");
        }
    }

private:
    int open() {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
        near = UdpSocket::adopt_descriptor(Descriptor(NativeDescriptor{ends[0]}));
        return ends[1];
    }
};

std::string receive_text(UdpSocket& socket) {
    std::array<std::byte, 64> buffer;
    return {reinterpret_cast<const char*>(buffer.data()), socket.receive_from(buffer).size};
}

}  // namespace

TEST_SUITE("UdpSocket, cancelled or closed") {
    TEST_CASE("a cancelled receiver leaves the datagram to the next, and its buffer alone") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            {
                std::array<std::byte, 4> gone{};
                Bystander receiver([&] { static_cast<void>(far.receive_from(gone)); });
                receiver.cancel();
                CHECK(receiver.outcome() == "cancelled");
                near.send_to(bytes_of("kept"), far.local_address());
                let_others_run();
                CHECK(gone == std::array<std::byte, 4>{});
            }
            CHECK(receive_text(far) == "kept");
        });
    }

    TEST_CASE("nothing is received or sent in a cancelled scope") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            const Address address = far.local_address();
            near.send_to(bytes_of("there"), address);
            {
                CancelScope scope;
                scope.cancel();
                std::array<std::byte, 4> buffer;
                expect_error(far.receive_from(buffer, std::nothrow), Errc::cancelled,
                             "receive on " + address.to_string() + ": cancelled");
                CHECK_THROWS_AS(far.receive(buffer), Cancelled);
                CHECK_THROWS_AS(far.receive_many({}), Cancelled);
                expect_error(near.send_to({}, address, std::nothrow), Errc::cancelled,
                             "send to " + address.to_string() + ": cancelled");
                CHECK_THROWS_AS(near.send_to({}, address), Cancelled);
            }
            CHECK(receive_text(far) == "there");
        });
    }

    TEST_CASE("a datagram and a cancellation in the same turn: what came first counts") {
        for (const bool cancel_first : {true, false}) {
            run_in_loop([&] {
                UdpSocket near(loopback, 0);
                UdpSocket far(loopback, 0);
                std::string text;
                Bystander receiver([&] { text = receive_text(far); });
                const CallInPoll cancel([&] { receiver.cancel(); });
                if (cancel_first) {
                    cancel.trigger();
                }
                near.send_to(bytes_of("x"), far.local_address());
                if (!cancel_first) {
                    cancel.trigger();
                }
                const std::string outcome = receiver.outcome();
                CHECK(text == (outcome.empty() ? "x" : ""));
                if (!outcome.empty()) {
                    CHECK(receive_text(far) == "x");
                }
            });
        }
    }

    TEST_CASE("closing a socket wakes all who receive, and everything is an error then") {
        run_in_loop([] {
            const std::size_t before = open_descriptors();
            UdpSocket socket(loopback, 0);
            const std::string where = socket.local_address().to_string();
            Bystander first([&] { static_cast<void>(receive_text(socket)); });
            Bystander second([&] { static_cast<void>(receive_text(socket)); });
            socket.close();
            CHECK(first.outcome() == "receive on " + where + ": closed");
            CHECK(second.outcome() == "receive on " + where + ": closed");
            CHECK(open_descriptors() == before);
            socket.close();
            CHECK_FALSE(socket.is_open());
            CHECK(socket.uv() == nullptr);
            std::array<std::byte, 4> buffer;
            expect_error(socket.receive_from(buffer, std::nothrow), Errc::closed,
                         "receive on " + where + ": closed");
            expect_error(socket.send_to({}, Address::parse(loopback, 9), std::nothrow),
                         Errc::closed, "send to 127.0.0.1:9: closed");
        });
    }

    TEST_CASE("a socket may be moved or destroyed while somebody receives") {
        run_in_loop([] {
            auto socket = std::make_unique<UdpSocket>(loopback, 0);
            const Address address = socket->local_address();
            std::string text;
            Bystander receiver(
                [&text, waited_for = socket.get()] { text = receive_text(*waited_for); });
            UdpSocket moved = std::move(*socket);
            UdpSocket(loopback, 0).send_to(bytes_of("x"), address);
            CHECK(receiver.outcome().empty());
            CHECK(text == "x");

            Bystander again([&] { static_cast<void>(receive_text(moved)); });
            { const UdpSocket destroyed = std::move(moved); }
            CHECK(again.outcome() == "receive on " + address.to_string() + ": closed");
        });
    }

    TEST_CASE("a sender waits while the system has no room, and keeps nothing itself") {
        run_in_loop([] {
            LocalPair pair;
            const int filled = pair.fill();
            Bystander first([&] { pair.near.send(bytes_of("first")); });
            Bystander second([&] { pair.near.send(bytes_of("second")); });
            Bystander many([&] {
                const std::vector<OutgoingDatagram> three(3, {bytes_of("more"), std::nullopt});
                CHECK(pair.near.send_many(three) == 3);
            });
            CHECK_FALSE(first.ended());
            CHECK_FALSE(second.ended());
            CHECK_FALSE(many.ended());
            CHECK(pair.near.unsent() == 5);
            pair.drain(filled);
            CHECK(first.outcome().empty());
            CHECK(pair.far.receive() == "first");
            CHECK(second.outcome().empty());
            CHECK(pair.far.receive() == "second");
            CHECK(many.outcome().empty());
            for (int i = 0; i < 3; ++i) {
                CHECK(pair.far.receive() == "more");
            }
            CHECK(pair.near.unsent() == 0);
        });
    }

    TEST_CASE("a cancelled sender leaves at most one datagram behind, and the socket goes on") {
        run_in_loop([] {
            LocalPair pair;
            const int filled = pair.fill();
            {
                std::string text = "left behind";
                Bystander sender([&] { pair.near.send(bytes_of(text)); });
                Bystander queued([&] { pair.near.send(bytes_of("never")); });
                sender.cancel();
                queued.cancel();
                CHECK(sender.outcome() == "cancelled");
                CHECK(queued.outcome() == "cancelled");
                text = "overwritten";
            }
            CHECK_THROWS_AS(with_timeout(std::chrono::milliseconds(1),
                                         [&] { pair.near.send(bytes_of("never")); }),
                            TimedOut);
            CHECK(pair.near.unsent() == 11);
            pair.drain(filled);
            pair.near.send(bytes_of("next"));
            CHECK(pair.far.receive() == "left behind");
            CHECK(pair.far.receive() == "next");
        });
    }

    TEST_CASE("send_many that is cancelled says how many it has sent") {
        run_in_loop([] {
            LocalPair pair;
            const int filled = pair.fill();
            pair.drain(2);
            const std::vector<OutgoingDatagram> datagrams(5, {bytes_of("filler"), std::nullopt});
            std::size_t sent = 0;
            bool next_throws = false;
            Bystander sender([&] {
                sent = pair.near.send_many(datagrams);
                try {
                    check_cancelled();
                } catch (const Cancelled&) {
                    next_throws = true;
                }
            });
            sender.cancel();
            CHECK(sender.outcome().empty());
            CHECK(next_throws);
            CHECK(sent == 2);
            pair.drain(filled);
            pair.near.send(bytes_of("next"));
            pair.drain(1);  // the one that was left behind
            CHECK(pair.far.receive() == "next");
        });
    }

    TEST_CASE("closing a socket ends all who send") {
        run_in_loop([] {
            LocalPair pair;
            pair.fill();
            Bystander first([&] { pair.near.send(bytes_of("first")); });
            Bystander second([&] { pair.near.send(bytes_of("second")); });
            pair.near.close();
            CHECK(first.outcome() == "send to 0.0.0.0:0: closed");
            CHECK(second.outcome() == "send to 0.0.0.0:0: closed");
        });
    }

    TEST_CASE("a sender whose peer goes away hears of it") {
        run_in_loop([] {
            LocalPair pair;
            pair.fill();
            Bystander sender([&] { pair.near.send(bytes_of("x")); });
            pair.far.close();
            CHECK(sender.outcome() == "send to 0.0.0.0:0: connection refused");
        });
    }

    TEST_CASE("a loop that ends takes its sockets along, also one with a datagram left behind") {
        const std::size_t before = open_descriptors();
        int cancelled = 0;
        {
            Loop loop;
            loop.spawn([&] {
                LocalPair pair;
                pair.fill();
                const auto count = [&](const std::function<void()>& wait) {
                    try {
                        wait();
                    } catch (const Cancelled&) {
                        ++cancelled;
                        throw;
                    }
                };
                TaskGroup group;
                group.spawn([&] { count([&] { pair.near.send(bytes_of("x")); }); });
                group.spawn([&] { count([&] { static_cast<void>(receive_text(pair.near)); }); });
                let_others_run();
                loop.cancel();
                group.wait();
            });
            loop.run();
        }
        CHECK(cancelled == 2);
        CHECK(open_descriptors() == before);
    }
}

TEST_SUITE("UdpSocket, used wrongly") {
    TEST_CASE("what a socket is not fit for is an error that names it, in both forms") {
        run_in_loop([] {
            UdpSocket free(loopback, 0);
            UdpSocket bound = UdpSocket::connect(free.local_address());
            const Address nobody = Address::parse(loopback, 9);
            const std::string where = free.local_address().to_string();
            expect_both([&] { free.send({}); }, [&] { return free.send({}, std::nothrow); },
                        std::errc::destination_address_required,
                        "send to 0.0.0.0:0: destination address required");
            expect_both([&] { bound.send_to({}, nobody); },
                        [&] { return bound.send_to({}, nobody, std::nothrow); },
                        std::errc::already_connected,
                        "send to 127.0.0.1:9: socket is already connected");
            expect_both([&] { static_cast<void>(free.peer_address()); },
                        [&] { return free.peer_address(std::nothrow); }, std::errc::not_connected,
                        "get the peer of " + where + ": socket is not connected");
            expect_both([&] { free.clear_peer(); }, [&] { return free.clear_peer(std::nothrow); },
                        std::errc::not_connected,
                        "clear the peer of " + where + ": socket is not connected");
            for (const int hops : {-1, 0, 256}) {
                expect_both(
                    [&] { free.set_ttl(hops); }, [&] { return free.set_ttl(hops, std::nothrow); },
                    std::errc::invalid_argument, "set ttl on " + where + ": invalid argument");
            }
            expect_both([&] { free.set_multicast_ttl(256); },
                        [&] { return free.set_multicast_ttl(256, std::nothrow); },
                        std::errc::invalid_argument,
                        "set multicast ttl on " + where + ": invalid argument");
            free.set_ttl(7);
            free.set_receive_buffer(100'000);
            free.set_send_buffer(100'000);
            const Address foreign = Address::parse("192.0.2.1", 0);
            expect_both([&] { const UdpSocket socket(foreign); },
                        [&] { return UdpSocket::bind(foreign, {}, std::nothrow); },
                        std::errc::address_not_available,
                        "bind 192.0.2.1:0: address not available");
            const Address everybody = Address::parse("127.255.255.255", 9);
            expect_both([&] { UdpSocket::connect(everybody); },
                        [&] { return UdpSocket::connect(everybody, std::nothrow); },
                        std::errc::permission_denied,
                        "connect 127.255.255.255:9: permission denied");
        });
    }

    TEST_CASE("everything on a socket that is not open is an error") {
        run_in_loop([] {
            UdpSocket none;
            const auto said = [](const auto& result) {
                REQUIRE_FALSE(result.has_value());
                CHECK(result.error().code() == Errc::closed);
                return std::string(result.error().what());
            };
            const std::string tail = " a UdpSocket that is not open: closed";
            CHECK(said(none.receive_from({}, std::nothrow)) == "receive on" + tail);
            CHECK(said(none.receive({}, std::nothrow)) == "receive on" + tail);
            CHECK(said(none.receive_many({}, std::nothrow)) == "receive on" + tail);
            CHECK(said(none.send({}, std::nothrow)) == "send on" + tail);
            CHECK(said(none.send_to({}, {}, std::nothrow)) == "send on" + tail);
            CHECK(said(none.send_many({}, std::nothrow)) == "send on" + tail);
            CHECK(said(none.set_peer({}, std::nothrow)) == "set the peer of" + tail);
            CHECK(said(none.clear_peer(std::nothrow)) == "clear the peer of" + tail);
            CHECK(said(none.local_address(std::nothrow)) == "get the local address of" + tail);
            CHECK(said(none.peer_address(std::nothrow)) == "get the peer of" + tail);
            CHECK(said(none.join_group("239.1.1.1", {}, {}, std::nothrow)) ==
                  "join a group on" + tail);
            CHECK(said(none.leave_group("239.1.1.1", {}, {}, std::nothrow)) ==
                  "leave a group on" + tail);
            CHECK(said(none.set_multicast_interface("", std::nothrow)) ==
                  "set the multicast interface of" + tail);
            CHECK(said(none.set_multicast_loop(true, std::nothrow)) ==
                  "set multicast loop on" + tail);
            CHECK(said(none.set_multicast_ttl(1, std::nothrow)) == "set multicast ttl on" + tail);
            CHECK(said(none.set_ttl(1, std::nothrow)) == "set ttl on" + tail);
            CHECK(said(none.set_broadcast(true, std::nothrow)) == "set broadcast on" + tail);
            CHECK(said(none.set_receive_buffer(1, std::nothrow)) ==
                  "set the receive buffer of" + tail);
            CHECK(said(none.set_send_buffer(1, std::nothrow)) == "set the send buffer of" + tail);
            CHECK(none.unsent() == 0);
            none.close();
        });
    }

    TEST_CASE("a socket in the wrong place is misuse") {
        expect_misuse([] { const UdpSocket socket(loopback, 0); },
                      "cannot bind outside a coroutine");
        expect_misuse([] { UdpSocket::connect(Address()); }, "cannot connect outside a coroutine");
        expect_misuse([] { UdpSocket::adopt_descriptor(Descriptor()); },
                      "cannot adopt a descriptor outside a coroutine");
        const auto misplaced = [](const std::function<void(UdpSocket&)>& use) {
            Loop loop;
            loop.spawn([&] {
                UdpSocket socket(loopback, 0);
                std::thread([&] {
                    Loop other;
                    other.spawn([&] { use(socket); }, {.name = "stranger"});
                    other.run();
                }).join();
            });
            loop.run();
        };
        constexpr const char* stranger = "in coroutine \"stranger\", which runs on another loop";
        expect_misuse([&] { misplaced([](UdpSocket& socket) { receive_text(socket); }); },
                      stranger);
        expect_misuse([&] { misplaced([](UdpSocket& socket) { socket.send({}); }); }, stranger);
    }
}

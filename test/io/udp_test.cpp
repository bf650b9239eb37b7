// SPDX-License-Identifier: MIT
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/loop_turns.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

constexpr const char* loopback = "127.0.0.1";

std::string receive_text(UdpSocket& socket, Address* sender = nullptr) {
    std::array<std::byte, 2048> buffer;
    const Received received = socket.receive_from(buffer);
    CHECK_FALSE(received.truncated);
    if (sender != nullptr) {
        *sender = received.sender;
    }
    return {reinterpret_cast<const char*>(buffer.data()), received.size};
}

/// An address where nobody is.
Address deserted() { return UdpSocket(own_host(), 0).local_address(); }

}  // namespace

TEST_SUITE("UdpSocket") {
    TEST_CASE("a datagram comes whole and with its sender, who can be answered") {
        for (const char* host : {"127.0.0.1", "::1"}) {
            run_in_loop([&] {
                UdpSocket near(host, 0);
                UdpSocket far(host, 0);
                near.send_to(bytes_of("question"), far.local_address());
                Address sender;
                CHECK(receive_text(far, &sender) == "question");
                CHECK(sender == near.local_address());
                far.send_to(bytes_of("answer"), sender);
                CHECK(receive_text(near, &sender) == "answer");
                CHECK(sender == far.local_address());
            });
        }
    }

    TEST_CASE("a datagram of any size comes unchanged") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            std::vector<std::byte> buffer(65536);
            for (const std::size_t size : {0UL, 1UL, 1500UL, 9000UL, 65507UL}) {
                const std::vector<std::byte> sent = random_bytes(size);
                near.send_to(sent, far.local_address());
                const Received received = far.receive_from(buffer);
                CHECK_FALSE(received.truncated);
                CHECK(std::ranges::equal(std::span(buffer).first(received.size), sent));
            }
        });
    }

    TEST_CASE("an empty datagram is one, also for an empty buffer and among others") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            for (const char* text : {"", "a", "", "b", ""}) {
                near.send_to(bytes_of(text), far.local_address());
            }
            for (const char* text : {"", "a", "", "b", ""}) {
                CHECK(receive_text(far) == text);
            }
            // Once as a waiter, once from what is there already.
            Received received{};
            Bystander waiter([&] { received = far.receive_from({}); });
            near.send_to({}, far.local_address());
            CHECK(waiter.outcome().empty());
            CHECK(received.size == 0);
            CHECK_FALSE(received.truncated);
            near.send_to({}, far.local_address());
            CHECK_FALSE(far.receive_from({}).truncated);
        });
    }

    TEST_CASE("a datagram that does not fit is cut, says so, and does not spoil the next") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            std::array<std::byte, 4> small;
            const auto check = [&](std::span<std::byte> buffer, std::string_view head) {
                const Received received = far.receive_from(buffer);
                CHECK(received.truncated);
                CHECK(received.size == head.size());
                CHECK(received.sender == near.local_address());
                CHECK(std::ranges::equal(buffer.first(received.size), bytes_of(head)));
            };
            for (int i = 0; i < 2; ++i) {  // waited for, then there already
                near.send_to(bytes_of("12345678"), far.local_address());
                near.send_to(bytes_of("x"), far.local_address());
                near.send_to(bytes_of("next"), far.local_address());
                check(small, "1234");
                check({}, "");
                CHECK(receive_text(far) == "next");
            }
        });
    }

    TEST_CASE("several may receive, each one datagram in the order of asking") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            std::string order;
            TaskGroup group;
            for (const char* name : {"a", "b", "c"}) {
                group.spawn([&far, &order, name] { order += name + receive_text(far); });
            }
            let_others_run();
            for (const char* text : {"1", "2", "3"}) {
                near.send_to(bytes_of(text), far.local_address());
            }
            group.wait();
            CHECK(order == "a1b2c3");
        });
    }

    TEST_CASE("what nobody receives stays with the system, and the loop sleeps") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            near.send_to(bytes_of("0"), far.local_address());
            CHECK(receive_text(far) == "0");
            near.send_to(bytes_of("1"), far.local_address());
            near.send_to(bytes_of("2"), far.local_address());
            let_others_run();
            const LoopTurns turns;
            co_sleep(std::chrono::milliseconds(20));
            CHECK(turns.count() < 10);
            CHECK(receive_text(far) == "1");
            CHECK(receive_text(far) == "2");
        });
    }

    TEST_CASE("a flood of datagrams lets others run") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            bool over = false;
            Bystander other([&] { over = true; }, 0);
            int rounds = 0;
            for (; !over && rounds < 10'000; ++rounds) {
                near.send_to(bytes_of("x"), far.local_address());
                receive_text(far);
            }
            CHECK(rounds < 200);
            CHECK(other.outcome().empty());
        });
    }

    TEST_CASE("receive_many takes all that are there, each into its place") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            const Address address = far.local_address();
            std::array<std::array<std::byte, 4>, 40> buffers;
            std::vector<IncomingDatagram> places;
            for (auto& buffer : buffers) {
                places.push_back({buffer, 0, {}, false});
            }
            for (const std::size_t count : {1UL, 5UL, 20UL}) {
                for (std::size_t i = 0; i < count; ++i) {
                    near.send_to(random_bytes(i % 6, i), address);
                }
                REQUIRE(far.receive_many(places) == count);
                for (std::size_t i = 0; i < count; ++i) {
                    CHECK(places[i].size == std::min<std::size_t>(i % 6, 4));
                    CHECK(places[i].truncated == (i % 6 > 4));
                    CHECK(places[i].sender == near.local_address());
                    std::vector<std::byte> sent = random_bytes(i % 6, i);
                    sent.resize(places[i].size);
                    CHECK(std::ranges::equal(places[i].data(), sent));
                }
            }
            CHECK(far.receive_many({}) == 0);
            // No more than there are places for, and then the rest.
            for (int i = 0; i < 10; ++i) {
                near.send_to({}, address);
            }
            CHECK(far.receive_many(std::span(places).first(4)) == 4);
            CHECK(far.receive_many(places) == 6);
        });
    }

    TEST_CASE("receive_many waits for the first datagram and no longer") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            std::array<IncomingDatagram, 4> places;
            std::size_t count = 0;
            Bystander receiver([&] { count = far.receive_many(places); });
            CHECK_FALSE(receiver.ended());
            near.send_to({}, far.local_address());
            CHECK(receiver.outcome().empty());
            CHECK(count == 1);
        });
    }

    TEST_CASE("send_many sends all in order, whoever they are for") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket first(loopback, 0);
            UdpSocket second(loopback, 0);
            std::vector<std::string> texts;
            for (int i = 0; i < 100; ++i) {
                texts.push_back(std::to_string(i));
            }
            std::vector<OutgoingDatagram> datagrams;
            for (std::size_t i = 0; i < texts.size(); ++i) {
                datagrams.push_back({bytes_of(texts[i]),
                                     i % 2 == 0 ? first.local_address() : second.local_address()});
            }
            CHECK(near.send_many(datagrams) == texts.size());
            CHECK(near.send_many({}) == 0);
            for (std::size_t i = 0; i < texts.size(); ++i) {
                CHECK(receive_text(i % 2 == 0 ? first : second) == texts[i]);
            }
        });
    }

    TEST_CASE("send_many stops at what can't be sent, and then says why") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            const Address address = far.local_address();
            const std::vector<std::byte> too_long(70'000);
            const std::vector<OutgoingDatagram> datagrams{{bytes_of("a"), address},
                                                          {bytes_of("b"), address},
                                                          {too_long, address},
                                                          {bytes_of("c"), address},
                                                          {bytes_of("d"), std::nullopt}};
            const std::span all(datagrams);
            CHECK(near.send_many(all) == 2);
            expect_both([&] { near.send_many(all.subspan(2)); },
                        [&] { return near.send_many(all.subspan(2), std::nothrow); },
                        std::errc::message_size,
                        "send to " + address.to_string() + ": message too long");
            CHECK(near.send_many(all.subspan(3)) == 1);
            CHECK(near.send_many(all.subspan(4), std::nothrow).error().code() ==
                  std::errc::destination_address_required);
            for (const char* text : {"a", "b", "c"}) {
                CHECK(receive_text(far) == text);
            }
        });
    }

    TEST_CASE("a socket with a peer sends there and hears nobody else") {
        run_in_loop([] {
            UdpSocket server(loopback, 0);
            UdpSocket stranger(loopback, 0);
            UdpSocket client = UdpSocket::connect(server.local_address());
            CHECK(client.peer_address() == server.local_address());
            client.send(bytes_of("hello"));
            Address sender;
            CHECK(receive_text(server, &sender) == "hello");
            CHECK(sender == client.local_address());
            stranger.send_to(bytes_of("psst"), sender);
            server.send_to(bytes_of("welcome"), sender);
            std::array<std::byte, 16> buffer;
            CHECK(client.receive(buffer) == 7);

            client.set_peer(stranger.local_address());
            client.send(bytes_of("oh"));
            CHECK(receive_text(stranger) == "oh");
            client.clear_peer();
            client.send_to(bytes_of("bye"), server.local_address());
            CHECK(receive_text(server) == "bye");
        });
    }

    TEST_CASE("receiving a size only never hides that a datagram was cut") {
        run_in_loop([] {
            UdpSocket server(loopback, 0);
            UdpSocket client = UdpSocket::connect(server.local_address());
            std::array<std::byte, 2> buffer;
            const auto send = [&] { server.send_to(bytes_of("long"), client.local_address()); };
            send();
            send();
            expect_both(
                [&] { client.receive(buffer); },
                [&] { return client.receive(buffer, std::nothrow); }, std::errc::message_size,
                "receive from " + server.local_address().to_string() + ": message too long");
        });
    }

    TEST_CASE("that nobody is there is told once, to the next receive or send, and harms nothing") {
        run_in_loop([] {
            const Address address = deserted();
            UdpSocket client = UdpSocket::connect(address);
            std::array<std::byte, 16> buffer;
            const std::string receiving =
                "receive on " + client.local_address().to_string() + ": connection refused";
            const std::string sending = "send to " + address.to_string() + ": connection refused";
            for (int i = 0; i < 3; ++i) {
                client.send(bytes_of("x"));
                expect_error(client.receive(buffer, std::nothrow), std::errc::connection_refused,
                             receiving);
                client.send(bytes_of("x"));
                wait_for_arrival(descriptor_of(client), 0);
                expect_error(client.send(bytes_of("x"), std::nothrow),
                             std::errc::connection_refused, sending);
            }
            Bystander waiter([&] { client.receive(buffer); });
            client.send(bytes_of("x"));
            CHECK(waiter.outcome() == receiving);

            UdpSocket server(address);
            client.send(bytes_of("there"));
            CHECK(receive_text(server) == "there");
        });
    }

    TEST_CASE("a refusal behind datagrams that are there is told after them") {
        run_in_loop([] {
            UdpSocket server(loopback, 0);
            const Address address = server.local_address();
            UdpSocket client = UdpSocket::connect(address);
            std::array<IncomingDatagram, 8> places;
            Result<std::size_t> count = std::size_t{0};
            Bystander waiter([&] { count = client.receive_many(places, std::nothrow); });
            server.send_to({}, client.local_address());
            server.close();
            client.send(bytes_of("x"));
            CHECK(waiter.outcome().empty());
            // The system tells of the refusal first or last; either way both are told.
            const Result<std::size_t> next = client.receive_many(places, std::nothrow);
            CHECK(count.has_value() != next.has_value());
            const Error& error = count ? next.error() : count.error();
            CHECK(error.code() == std::errc::connection_refused);
        });
    }

    TEST_CASE("without a peer a socket is not told that nobody is there") {
        run_in_loop([] {
            UdpSocket near(loopback, 0);
            UdpSocket far(loopback, 0);
            for (int i = 0; i < 3; ++i) {
                near.send_to(bytes_of("x"), deserted());
            }
            far.send_to(bytes_of("y"), near.local_address());
            CHECK(receive_text(near) == "y");
        });
    }

    TEST_CASE("a port belongs to one socket, unless all that want it share") {
        run_in_loop([] {
            UdpSocket first(own_host(), 0);
            const Address address = first.local_address();
            expect_both([&] { const UdpSocket second(address); },
                        [&] { return UdpSocket::bind(address, {}, std::nothrow); },
                        std::errc::address_in_use,
                        "bind " + address.to_string() + ": address already in use");
            first.close();
            const UdpOptions share{.reuse_port = true};
            const UdpSocket again(address, share);
            const UdpSocket other(address, share);
            CHECK(again.local_address() == other.local_address());
        });
    }

    TEST_CASE("an IPv6 socket hears IPv4, unless it was told not to") {
        run_in_loop([] {
            UdpSocket both("::", 0);
            const std::uint16_t port = both.local_address().port();
            UdpSocket near(loopback, 0);
            near.send_to(bytes_of("old"), Address::parse(loopback, port));
            Address sender;
            CHECK(receive_text(both, &sender) == "old");
            CHECK(sender.host() == "::ffff:127.0.0.1");
            bool share = false;
            for (int attempt = 0; attempt < 100 && !share; ++attempt) {
                const UdpSocket ipv6("::", 0, {.ipv6_only = true});
                const Address same = Address::parse("0.0.0.0", ipv6.local_address().port());
                share = UdpSocket::bind(same, {}, std::nothrow).has_value();
            }  // else another process has that port
            CHECK(share);
        });
    }

    TEST_CASE("broadcasting must be allowed first") {
        run_in_loop([] {
            UdpSocket far("0.0.0.0", 0);
            UdpSocket near(loopback, 0);
            const Address all = Address::parse("127.255.255.255", far.local_address().port());
            expect_error(near.send_to(bytes_of("x"), all, std::nothrow),
                         std::errc::permission_denied,
                         "send to " + all.to_string() + ": permission denied");
            near.set_broadcast(true);
            near.send_to(bytes_of("to all"), all);
            CHECK(receive_text(far) == "to all");
        });
    }

    TEST_CASE("a socket that something else has opened can be taken over") {
        run_in_loop([] {
            UdpSocket far(loopback, 0);
            const int descriptor = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
            UdpSocket near = UdpSocket::adopt_descriptor(Descriptor(NativeDescriptor{descriptor}));
            near.send_to(bytes_of("mine"), far.local_address());
            CHECK(receive_text(far) == "mine");

            const std::size_t before = open_descriptors();
            const auto refused = [](int wrong, const std::string& reason) {
                const auto result =
                    UdpSocket::adopt_descriptor(Descriptor(NativeDescriptor{wrong}), std::nothrow);
                REQUIRE_FALSE(result.has_value());
                CHECK(result.error().what() ==
                      "adopt descriptor " + std::to_string(wrong) + ": " + reason);
            };
            refused(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "invalid argument");
            refused(::open("/dev/null", O_RDONLY | O_CLOEXEC), "invalid argument");
            refused(-1, "bad file descriptor");
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("socat and a server of ours understand each other") {
        run_in_loop([] {
            UdpSocket server(loopback, 0);
            const std::string command = "printf 'to and fro' | socat -t 50 - UDP4:127.0.0.1:" +
                                        std::to_string(server.local_address().port()) + ",null-eof";
            std::string answer;
            Bystander client([&] {
                answer = run_blocking([&command] {
                    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"),
                                                                     pclose);
                    std::array<char, 64> text{};
                    return std::string(text.data(),
                                       std::fread(text.data(), 1, text.size(), pipe.get()));
                });
            });
            Address sender;
            const std::string question = receive_text(server, &sender);
            server.send_to(bytes_of(question + '!'), sender);
            server.send_to({}, sender);  // ends socat
            CHECK(client.outcome().empty());
            CHECK(answer == "to and fro!");
        });
    }
}

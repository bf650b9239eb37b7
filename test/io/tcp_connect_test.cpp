// SPDX-License-Identifier: MIT
//
// Connecting to whichever of several addresses answers, from a chosen one, and with options.
#include <netinet/tcp.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>
#include <coloop/testing.hpp>

#include "support/bystander.hpp"
#include "support/dead_port.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/loop_turns.hpp"
#include "support/run_in_loop.hpp"
#include "support/silent_host.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

int option_of(const TcpStream& stream, int level, int name) {
    const Descriptor descriptor = stream.duplicate_descriptor();
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(static_cast<int>(descriptor.native()), level, name, &value, &size);
    return value;
}

constexpr std::chrono::hours never{24};

}  // namespace

TEST_CASE("of several addresses the next is tried as soon as one has refused") {
    run_in_loop([] {
        const TcpPair first;  // libuv keeps a descriptor in reserve from then on
        const TcpListener listener("127.0.0.1", 0);
        const DeadPort dead;
        const std::vector<Address> addresses{dead.address(), dead.address("::1"),
                                             listener.local_address()};
        const std::size_t before = open_descriptors();
        const TcpStream stream = TcpStream::connect(addresses, {.attempt_delay = never});
        CHECK(stream.peer_address() == listener.local_address());
        CHECK(open_descriptors() == before + 1);
    });
}

TEST_CASE("of several addresses the next is tried when one has been silent for long enough") {
    run_in_loop([] {
        const SilentHost silent;
        const TcpListener listener("127.0.0.1", 0);
        const std::size_t before = open_descriptors();
        const std::vector<Address> addresses{silent.address(), listener.local_address()};
        const TcpStream stream =
            TcpStream::connect(addresses, {.attempt_delay = std::chrono::milliseconds(1)});
        CHECK(stream.peer_address() == listener.local_address());
        CHECK(open_descriptors() == before + 1);  // the other attempt's is closed
    });
}

TEST_CASE("the next address is tried when the attempt delay is over, and no sooner") {
    testing::run_test({.clock_jumps = false}, [] {
        const SilentHost one;
        const SilentHost two;
        const TcpListener three("127.0.0.1", 0);
        const std::vector<Address> addresses{one.address(), two.address(), three.local_address()};
        const std::size_t before = open_descriptors();
        const auto attempts = [&] {
            testing::wait_until_all_blocked();
            return open_descriptors() - before;
        };
        TcpStream stream;
        Bystander racer([&] { stream = TcpStream::connect(addresses); });
        CHECK(attempts() == 1);
        for (const std::size_t expected : {1U, 2U}) {
            testing::manual_clock().advance(std::chrono::milliseconds(249));
            CHECK(attempts() == expected);
            testing::manual_clock().advance(std::chrono::milliseconds(1));
            if (expected == 1) {
                CHECK(attempts() == 2);
            }
        }
        CHECK(racer.outcome().empty());
        CHECK(stream.peer_address() == three.local_address());
        CHECK(attempts() == 1);  // the other attempts' are closed
    });
}

TEST_CASE("an attempt delay may be as long as can be told, or negative, which is none") {
    testing::run_test([] {
        const SilentHost silent;
        const TcpListener listener("127.0.0.1", 0);
        const std::vector<Address> addresses{silent.address(), listener.local_address()};
        const auto connects_in_time = [&](std::chrono::milliseconds delay) {
            return move_on_after(never, [&] {
                static_cast<void>(TcpStream::connect(addresses, {.attempt_delay = delay}));
            });
        };
        CHECK_FALSE(connects_in_time(std::chrono::milliseconds::max()));
        CHECK(connects_in_time(std::chrono::milliseconds::min()));
    });
}

TEST_CASE("a silent address costs one attempt delay by the clock, or what was asked for") {
    testing::run_test([] {
        const SilentHost silent;
        const TcpListener listener("127.0.0.1", 0);
        const std::vector<Address> addresses{silent.address(), listener.local_address()};
        for (const auto delay : {std::chrono::milliseconds(250), std::chrono::milliseconds(40)}) {
            const std::int64_t start = testing::manual_clock().now();
            const TcpStream stream = TcpStream::connect(addresses, {.attempt_delay = delay});
            CHECK(testing::manual_clock().now() - start == std::chrono::nanoseconds(delay).count());
        }
    });
}

TEST_CASE("an address that answers in time is the only one tried") {
    run_in_loop([] {
        TcpListener first("127.0.0.1", 0);
        TcpListener second("127.0.0.1", 0);
        const std::vector<Address> addresses{first.local_address(), second.local_address()};
        TcpStream stream = TcpStream::connect(addresses, {.attempt_delay = never});
        CHECK(first.accept().peer_address() == stream.local_address());
        Bystander nobody([&] { second.accept(); });
        CHECK_FALSE(nobody.ended());
        nobody.cancel();
    });
}

TEST_CASE("the families take turns, beginning with the first one's") {
    run_in_loop([] {
        const DeadPort dead;
        const DeadPort other;
        const Address one = dead.address();
        const Address two = other.address();
        const Address six = dead.address("::1");
        const std::vector<Address> addresses{one, two, six};
        const std::string text = "connect " + one.to_string() + " (connection refused), " +
                                 six.to_string() + " (connection refused), " + two.to_string() +
                                 " (connection refused): connection refused";
        expect_both(
            [&] { TcpStream::connect(addresses, {.attempt_delay = never}); },
            [&] { return TcpStream::connect(addresses, {.attempt_delay = never}, std::nothrow); },
            std::errc::connection_refused, text);
    });
}

TEST_CASE("a name's addresses that all refuse are all named") {
    run_in_loop([] {
        const std::vector<Address> found = resolve("localhost");
        const DeadPort dead;
        const auto result = TcpStream::connect("localhost", dead.port(), std::nothrow);
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().code() == std::errc::connection_refused);
        for (const Address& address : found) {
            CHECK(doctest::String(result.error().what()) ==
                  doctest::Contains(address.with_port(dead.port()).to_string().c_str()));
        }
    });
}

TEST_CASE("a race of addresses that is cancelled or out of time leaves nothing open") {
    run_in_loop([] {
        const SilentHost silent;
        const std::vector<Address> addresses{silent.address(), silent.address()};
        const std::size_t before = open_descriptors();
        const LoopTurns turns;
        Bystander racer([&] { TcpStream::connect(addresses, {.attempt_delay = never}); });
        let_others_run(20);
        CHECK_FALSE(racer.ended());
        racer.cancel();
        CHECK(racer.outcome() == "cancelled");
        CHECK_THROWS_AS(with_timeout(std::chrono::milliseconds(3),
                                     [&] {
                                         TcpStream::connect(
                                             addresses,
                                             {.attempt_delay = std::chrono::milliseconds(1)});
                                     }),
                        TimedOut);
        CHECK_FALSE(move_on_after(std::chrono::seconds(0), [&] { TcpStream::connect(addresses); }));
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("no address at all, or none of the local one's family, is an error") {
    run_in_loop([] {
        const std::vector<Address> none;
        expect_both([&] { TcpStream::connect(none); },
                    [&] { return TcpStream::connect(none, {}, std::nothrow); },
                    std::errc::address_not_available, "connect: address not available");
        const DeadPort dead;
        const std::vector<Address> four{dead.address(), dead.address()};
        expect_error(TcpStream::connect(four, {.local = Address::parse("::1", 0)}, std::nothrow),
                     std::errc::address_not_available, "connect: address not available");
    });
    expect_misuse([] { TcpStream::connect(std::span<const Address>()); },
                  "cannot connect outside a coroutine");
}

TEST_CASE("a connection comes from the local address asked for") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        TcpStream near =
            TcpStream::connect(listener.local_address(), {.local = Address::parse("127.0.0.9", 0)});
        CHECK(near.local_address().host() == "127.0.0.9");
        CHECK(listener.accept().peer_address() == near.local_address());

        const std::string there = listener.local_address().to_string();
        const Address foreign = Address::parse("192.0.2.1", 0);
        expect_both([&] { TcpStream::connect(listener.local_address(), {.local = foreign}); },
                    [&] {
                        return TcpStream::connect(listener.local_address(), {.local = foreign},
                                                  std::nothrow);
                    },
                    std::errc::address_not_available,
                    "connect " + there + " from 192.0.2.1:0: address not available");
        const Address taken = listener.local_address();
        expect_error(TcpStream::connect(taken, {.local = taken}, std::nothrow),
                     std::errc::address_in_use,
                     "connect " + there + " from " + there + ": address already in use");
    });
}

TEST_CASE("keep-alive probes follow each other as asked for") {
    run_in_loop([] {
        TcpPair pair;
        pair.near.set_keep_alive(std::chrono::seconds(70), std::chrono::seconds(7), 3);
        CHECK(option_of(pair.near, SOL_SOCKET, SO_KEEPALIVE) == 1);
        CHECK(option_of(pair.near, IPPROTO_TCP, TCP_KEEPIDLE) == 70);
        CHECK(option_of(pair.near, IPPROTO_TCP, TCP_KEEPINTVL) == 7);
        CHECK(option_of(pair.near, IPPROTO_TCP, TCP_KEEPCNT) == 3);
        expect_both(
            [&] { pair.near.set_keep_alive(std::chrono::seconds(1), std::chrono::seconds(0), 1); },
            [&] {
                return pair.near.set_keep_alive(std::chrono::seconds(1), std::chrono::seconds(1), 0,
                                                std::nothrow);
            },
            std::errc::invalid_argument,
            "set keep alive on " + pair.near.peer_address().to_string() + ": invalid argument");
        pair.near.close();
        expect_error(pair.near.set_keep_alive(std::chrono::seconds(1), std::chrono::seconds(1), 1,
                                              std::nothrow),
                     Errc::closed, "set keep alive on a TcpStream that is not open: closed");
    });
}

TEST_CASE("the system's buffers of a stream are as large as asked for") {
    run_in_loop([] {
        TcpPair pair;
        pair.near.set_send_buffer(50'000);
        pair.near.set_receive_buffer(60'000);
        CHECK(option_of(pair.near, SOL_SOCKET, SO_SNDBUF) >= 50'000);
        CHECK(option_of(pair.near, SOL_SOCKET, SO_RCVBUF) >= 60'000);
        pair.near.close();
        expect_error(pair.near.set_send_buffer(1, std::nothrow), Errc::closed,
                     "set the send buffer of a TcpStream that is not open: closed");
        expect_error(pair.near.set_receive_buffer(1, std::nothrow), Errc::closed,
                     "set the receive buffer of a TcpStream that is not open: closed");
    });
}

TEST_CASE("a reader that pauses costs no turns of the loop, and its peer's writes wait") {
    run_in_loop([] {
        TcpPair pair;
        std::array<std::byte, 1024> buffer;
        Bystander writer([&] { pair.far.write(std::vector<std::byte>(64 << 20)); });
        CHECK(pair.near.read(buffer) == buffer.size());
        const auto turns_in_a_while = [] {
            const LoopTurns turns;
            co_sleep(std::chrono::milliseconds(20));
            return turns.count();
        };
        int attempts = 0;
        while (turns_in_a_while() >= 10 && attempts < 100) {  // the system's buffers fill
            ++attempts;
        }
        CHECK(attempts < 100);
        CHECK_FALSE(writer.ended());
        std::size_t received = buffer.size();
        std::vector<std::byte> large(1 << 20);
        while (received < 64 << 20) {
            received += pair.near.read(large);
        }
        CHECK(writer.outcome().empty());
    });
}

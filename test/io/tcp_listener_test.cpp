// SPDX-License-Identifier: MIT
#include <optional>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/dead_port.hpp"
#include "support/expect_error.hpp"
#include "support/loop_turns.hpp"
#include "support/poll_order.hpp"
#include "support/run_in_loop.hpp"
#include "support/silent_host.hpp"
#include "support/sockets.hpp"

using namespace coloop;

TEST_CASE("port 0 chooses a free port, and the listener knows it") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        CHECK(listener.local_address().host() == "127.0.0.1");
        CHECK(listener.local_address().port() != 0);
        const TcpStream near = TcpStream::connect(listener.local_address());
        const TcpStream far = listener.accept();
        CHECK(far.peer_address() == near.local_address());
        CHECK(far.local_address() == listener.local_address());
    });
}

TEST_CASE("a port in use is an error that names it, in both forms") {
    run_in_loop([] {
        const TcpListener listener("127.0.0.1", 0);
        const Address address = listener.local_address();
        expect_both([&] { const TcpListener second(address); },
                    [&] { return TcpListener::listen(address, {}, std::nothrow); },
                    std::errc::address_in_use,
                    "listen on " + address.to_string() + ": address already in use");
    });
}

TEST_CASE("what is no address of this machine is an error that names it") {
    run_in_loop([] {
        expect_both(
            [] { const TcpListener listener("192.0.2.1", 80); },
            [] { return TcpListener::listen(Address::parse("192.0.2.1", 80), {}, std::nothrow); },
            std::errc::address_not_available, "listen on 192.0.2.1:80: address not available");
        CHECK_THROWS_AS(TcpListener("localhost", 0), Error);
    });
}

TEST_CASE("several listeners share a port if they ask for it") {
    run_in_loop([] {
        TcpListener first("127.0.0.1", 0, {.reuse_port = true});
        TcpListener second(first.local_address(), {.reuse_port = true});
        CHECK(first.local_address() == second.local_address());
        int accepted = 0;
        TaskGroup group;
        for (TcpListener* listener : {&first, &second}) {
            group.spawn([&accepted, listener] {
                for (;;) {
                    listener->accept();
                    ++accepted;
                }
            });
        }
        for (int i = 0; i < 20; ++i) {
            PlainSocket::connected_to(first.local_address());
        }
        while (accepted < 20) {
            co_sleep_ns(0);
        }
    });
}

TEST_CASE("an IPv6 listener takes IPv4 connections unless told not to") {
    run_in_loop([] {
        TcpListener both("::", 0);
        const std::uint16_t port = both.local_address().port();
        const TcpStream near = TcpStream::connect("127.0.0.1", port);
        CHECK(both.accept().peer_address().host() == "::ffff:127.0.0.1");

        bool listens = false;
        for (int attempt = 0; attempt < 100 && !listens; ++attempt) {
            const DeadPort dead({"127.0.0.1"});  // by IPv4 nobody else may listen there
            const auto only = TcpListener::listen(Address::parse("::", dead.port()),
                                                  {.ipv6_only = true}, std::nothrow);
            listens = only.has_value();  // else somebody does by IPv6
            const auto refused = TcpStream::connect(dead.address(), std::nothrow);
            REQUIRE_FALSE(refused.has_value());
            CHECK(refused.error().code() == std::errc::connection_refused);
        }
        CHECK(listens);
    });
}

TEST_CASE("coroutines that wait for connections get them in the order of asking") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        std::vector<int> order;
        TaskGroup group;
        for (int i = 0; i < 5; ++i) {
            group.spawn([&, i] {
                listener.accept();
                order.push_back(i);
            });
        }
        let_others_run();
        std::vector<PlainSocket> peers;
        for (int i = 0; i < 5; ++i) {
            peers.push_back(PlainSocket::connected_to(listener.local_address()));
        }
        group.wait();
        CHECK(order == std::vector{0, 1, 2, 3, 4});
    });
}

TEST_CASE("a newcomer does not take the connection of one who was woken for it") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        std::vector<int> order;
        CoQueue queue;
        TaskGroup group;
        group.spawn([&] {
            listener.accept();
            order.push_back(1);
        });
        group.spawn([&] {
            queue.wait();
            listener.accept();
            order.push_back(2);
        });
        const CallInPoll wake([&] { queue.wake_all(); });
        wake.trigger();  // so that the newcomer runs before the one that waited
        const PlainSocket peer = PlainSocket::connected_to(listener.local_address());
        while (order.empty()) {
            co_sleep_ns(0);
        }
        const PlainSocket other = PlainSocket::connected_to(listener.local_address());
        group.wait();
        CHECK(order == std::vector{1, 2});
    });
}

TEST_CASE("a cancelled acceptor loses no connection") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        const PlainSocket peer = PlainSocket::connected_to(listener.local_address());
        for (int i = 0; i < 10; ++i) {
            CHECK_FALSE(move_on_after(std::chrono::seconds(0), [&] { listener.accept(); }));
        }
        CHECK(listener.accept().is_open());
    });
}

TEST_CASE("two hundred pending connections are taken in batches") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        std::vector<PlainSocket> peers;
        for (int i = 0; i < 200; ++i) {
            peers.push_back(PlainSocket::connected_to(listener.local_address()));
        }
        wait_for_backlog(listener, 200);
        const LoopTurns turns;
        std::vector<TcpStream> streams;
        for (int i = 0; i < 200; ++i) {
            streams.push_back(listener.accept());
            CHECK(streams.back().peer_address().port() != 0);
        }
        CHECK(turns.count() < 30);
    });
}

TEST_CASE("connections that nobody accepts stay with the system, and wake nobody") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        const std::size_t before = open_descriptors();
        std::vector<PlainSocket> peers;
        for (int i = 0; i < 100; ++i) {
            peers.push_back(PlainSocket::connected_to(listener.local_address()));
        }
        const LoopTurns turns;
        co_sleep(std::chrono::milliseconds(20));
        CHECK(turns.count() < 10);
        CHECK(open_descriptors() == before + peers.size());
        listener.accept();
        const std::size_t in_hand = open_descriptors() - before - peers.size();
        CHECK(in_hand < 32);
        for (int i = 1; i < 100; ++i) {
            listener.accept();
        }
    });
}

TEST_CASE("closing a listener tells those who wait for it, in both forms") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        const std::string text = "accept " + listener.local_address().to_string() + ": closed";
        Bystander first([&] { listener.accept(); });
        Bystander second([&] { expect_error(listener.accept(std::nothrow), Errc::closed, text); });
        listener.close();
        CHECK(first.outcome() == text);
        CHECK(second.outcome().empty());
        expect_error(listener.accept(std::nothrow), Errc::closed, text);
        listener.close();
    });
}

TEST_CASE("closing a listener resets the connections that nobody accepted") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        std::vector<PlainSocket> peers;
        for (int i = 0; i < 40; ++i) {
            peers.push_back(PlainSocket::connected_to(listener.local_address()));
        }
        wait_for_backlog(listener, 40);
        const TcpStream taken = listener.accept();  // some of the others are in hand now
        listener.close();
        for (std::size_t i = 1; i < peers.size(); ++i) {
            CHECK(peers[i].read_error() == ECONNRESET);
        }
        CHECK(taken.is_open());
    });
}

TEST_CASE("a listener that is stopped loses no connection to whoever has the socket") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        std::vector<PlainSocket> peers;
        for (int i = 0; i < 40; ++i) {
            peers.push_back(PlainSocket::connected_to(listener.local_address()));
        }
        wait_for_backlog(listener, 40);
        std::vector<TcpStream> accepted;
        accepted.push_back(listener.accept());  // some of the others are in hand now
        Descriptor socket = listener.duplicate_descriptor();
        listener.stop();
        listener.stop();
        CHECK(listener.is_open());
        while (auto next = listener.accept(std::nothrow)) {
            accepted.push_back(*std::move(next));
        }
        CHECK_FALSE(listener.is_open());
        CHECK(accepted.size() > 1);
        CHECK(accepted.size() < peers.size());
        TcpListener successor = TcpListener::adopt_descriptor(std::move(socket));
        while (accepted.size() < peers.size()) {
            accepted.push_back(successor.accept());
        }
        accepted.clear();
        for (const PlainSocket& peer : peers) {
            CHECK(peer.receive().empty());  // an end, not a reset
        }
    });
}

TEST_CASE("a listener that is stopped with nothing in hand is closed, and who waits is told") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        const std::string text = "accept " + listener.local_address().to_string() + ": closed";
        Bystander waiting([&] { listener.accept(); });
        listener.stop();
        CHECK(waiting.outcome() == text);
        CHECK_FALSE(listener.is_open());
        listener.stop();
        TcpListener moved_from(std::move(listener));
        listener.stop();
    });
}

TEST_CASE("a port is free as soon as its listener is closed") {
    run_in_loop([] {
        std::optional<TcpListener> listener(std::in_place, own_host(), std::uint16_t{0});
        const Address address = listener->local_address();
        for (int i = 0; i < 10; ++i) {
            TcpStream near = TcpStream::connect(address);
            listener->accept();
            listener->close();
            listener.emplace(address);
        }
        listener.reset();  // the destructor does not wait, but the port is free all the same
        listener.emplace(address);
    });
}

TEST_CASE("a listener that is closed, moved from or destroyed crashes nothing") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        const Address address = listener.local_address();
        TcpListener moved(std::move(listener));
        CHECK(listener.accept(std::nothrow).error().code() == Errc::closed);
        CHECK_THROWS_AS(listener.accept(), Error);
        CHECK(listener.local_address() == Address());
        listener.close();
        CHECK(moved.local_address() == address);
    });
}

TEST_CASE("a listener moves while others wait for it") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        Bystander acceptor([&] { CHECK(listener.accept().is_open()); });
        const TcpListener moved(std::move(listener));
        const PlainSocket peer = PlainSocket::connected_to(moved.local_address());
        CHECK(acceptor.outcome().empty());
    });
}

TEST_CASE("assigning to a listener closes the one it was") {
    run_in_loop([] {
        TcpListener listener(own_host(), 0);
        const Address old = listener.local_address();
        TcpListener other("127.0.0.1", 0);
        const Address kept = other.local_address();
        listener = std::move(other);
        CHECK(listener.local_address() == kept);
        CHECK(other.local_address() == Address());
        const TcpListener again(old);
    });
}

TEST_CASE("waiting for the close of a listener ends with it, and can be cancelled") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        Bystander first([&] { listener.wait_closed(); });
        Bystander second([&] { listener.wait_closed(); });
        second.cancel();
        CHECK(second.outcome() == "cancelled");
        CHECK_FALSE(first.ended());
        listener.close();
        CHECK(first.outcome().empty());
        listener.wait_closed();
        const TcpListener moved = std::move(listener);
        listener.wait_closed();  // NOLINT(bugprone-use-after-move): there is nothing to wait for
    });
}

// SPDX-License-Identifier: MIT
//
// Every operation that waits, called off at every moment at which that can happen. The address
// sanitizer sees whether anybody still writes to the buffers of coroutines that have left.
#include <functional>
#include <optional>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/poll_order.hpp"
#include "support/run_in_loop.hpp"
#include "support/silent_host.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

/// An operation that waits in `wait`, and what makes it wait no longer.
struct Operation {
    const char* name;
    std::function<void()> prepare;
    std::function<void()> wait;
    std::function<void()> complete;
};

/// The things that the operations are done with.
struct Bench {
    std::optional<HalfPair> pair{std::in_place};
    std::optional<TcpListener> listener{std::in_place, "127.0.0.1", std::uint16_t{0}};
    std::vector<PlainSocket> peers;
    std::vector<std::byte> plenty = std::vector<std::byte>(16 << 20);
    std::size_t received = 0;

    /// From the far end, and to the near one.
    void send() const {
        pair->far.send("abc");
        wait_for_arrival(descriptor_of(pair->near));
    }

    /// Lets the far end take all that the near one has written.
    void take_all() const {
        std::vector<char> buffer(1 << 20);
        for (std::size_t left = plenty.size(); left > 0;) {
            const ssize_t count =
                recv(pair->far.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (count <= 0) {
                return;
            }
            left -= static_cast<std::size_t>(count);
        }
    }

    std::vector<Operation> operations() {
        return {
            {"read", [] {},
             [this] {
                 std::array<std::byte, 8> buffer;
                 received = pair->near.read(buffer);
             },
             [this] { send(); }},
            {"read exactly", [] {},
             [this] {
                 std::array<std::byte, 3> buffer;
                 pair->near.read_exactly(buffer);
                 received = 3;
             },
             [this] { send(); }},
            {"write", [] {}, [this] { pair->near.write(plenty); }, [this] { take_all(); }},
            {"shut down", [this] { fill(pair->near); },
             [this] {
                 pair->near.write(std::span(plenty).first(1));
                 pair->near.shutdown_write();
             },
             [this] { take_all(); }},
            {"accept", [] {}, [this] { listener->accept(); },
             [this] {
                 peers.push_back(PlainSocket::connected_to(listener->local_address()));
                 wait_for_backlog(*listener, 1);
             }},
            {"connect", [] {}, [this] { TcpStream::connect(listener->local_address()); }, [] {}},
            {"close gracefully", [] {}, [this] { pair->near.graceful_close(); },
             [this] { pair->far.close(); }},
        };
    }

    /// What came before, after or instead of a cancellation is there for the next one.
    void check_nothing_lost(std::string_view name) {
        if (name == "read" && received == 0) {
            std::array<std::byte, 8> buffer;
            CHECK(pair->near.read(buffer) == 3);
        }
    }
};

/// Runs `body` for each operation, and checks that no descriptor is left.
void for_each_operation(const std::function<void(Bench&, Operation&)>& body) {
    const std::size_t count = 7;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t before = open_descriptors();
        run_in_loop([&] {
            Bench bench;
            std::vector<Operation> operations = bench.operations();
            REQUIRE(operations.size() == count);
            CAPTURE(operations[i].name);
            operations[i].prepare();
            body(bench, operations[i]);
        });
        CHECK(open_descriptors() == before);
    }
}

bool is(const Operation& operation, std::string_view name) { return operation.name == name; }

}  // namespace

TEST_CASE("an operation in a scope that was cancelled before does not begin") {
    for_each_operation([](Bench& bench, Operation& operation) {
        operation.complete();
        CancelScope scope;
        scope.cancel();
        CHECK_THROWS_AS(operation.wait(), Cancelled);
        CHECK(bench.received == 0);
    });
}

TEST_CASE("an operation whose time is zero does not wait") {
    for_each_operation([](Bench& /*bench*/, Operation& operation) {
        CHECK_THROWS_AS(with_timeout(std::chrono::seconds(0), operation.wait), TimedOut);
        CHECK_FALSE(move_on_after(std::chrono::seconds(-1), operation.wait));
    });
}

TEST_CASE("an operation that is cancelled while it waits ends soon") {
    for_each_operation([](Bench& bench, Operation& operation) {
        if (is(operation, "connect")) {
            return;  // answered before one could tell: see the backlog that is full
        }
        Bystander waiter(operation.wait);
        REQUIRE_FALSE(waiter.ended());
        waiter.cancel();
        CHECK(waiter.outcome() == "cancelled");
        const bool kills = is(operation, "write") || is(operation, "shut down") ||
                           is(operation, "close gracefully");
        CHECK(bench.pair->near.is_open() == !kills);
    });
}

TEST_CASE("a connect that is cancelled before the answer is seen leaves nothing open") {
    run_in_loop([] {
        const TcpPair first;  // libuv keeps a descriptor in reserve from then on
        TcpListener listener("127.0.0.1", 0);
        const std::size_t before = open_descriptors();
        Bystander waiter([&] { TcpStream::connect(listener.local_address()); }, 1);
        if (!waiter.ended()) {
            waiter.cancel();
            CHECK(waiter.outcome() == "cancelled");
        }
        waiter.outcome();
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("an operation that its time cuts short ends soon") {
    for_each_operation([](Bench& /*bench*/, Operation& operation) {
        if (!is(operation, "connect")) {
            CHECK_THROWS_AS(with_timeout(std::chrono::milliseconds(2), operation.wait), TimedOut);
        }
    });
}

TEST_CASE("of a completion and a later cancellation in one turn the completion counts") {
    for_each_operation([](Bench& bench, Operation& operation) {
        if (is(operation, "connect") || is(operation, "write") || is(operation, "shut down") ||
            is(operation, "close gracefully")) {
            return;  // they take several turns
        }
        std::optional<Bystander> waiter;
        const CallInPoll cancel([&] { waiter->cancel(); });
        waiter.emplace(operation.wait);
        REQUIRE_FALSE(waiter->ended());
        operation.complete();
        cancel.trigger();
        CHECK(waiter->outcome().empty());
        bench.check_nothing_lost(operation.name);
    });
}

TEST_CASE(
    "of a cancellation and a later completion in one turn the first counts, and nothing is lost") {
    for_each_operation([](Bench& bench, Operation& operation) {
        if (is(operation, "connect")) {
            return;
        }
        std::optional<Bystander> waiter;
        const CallInPoll cancel([&] { waiter->cancel(); });
        waiter.emplace(operation.wait);
        REQUIRE_FALSE(waiter->ended());
        cancel.trigger();
        operation.complete();
        const std::string outcome = waiter->outcome();
        CHECK((outcome == "cancelled" || outcome.empty()));
        bench.check_nothing_lost(operation.name);
        if (is(operation, "accept")) {
            CHECK(outcome == "cancelled");
            CHECK(bench.listener->accept().is_open());
        }
    });
}

TEST_CASE("an operation ends with an error when another coroutine closes its object") {
    for_each_operation([](Bench& bench, Operation& operation) {
        if (is(operation, "connect")) {
            return;  // nobody else has the stream yet
        }
        Bystander waiter(operation.wait);
        REQUIRE_FALSE(waiter.ended());
        bench.pair->near.close();
        bench.listener->close();
        CHECK(doctest::String(waiter.outcome().c_str()) == doctest::Contains(": closed"));
    });
}

TEST_CASE("an operation ends with an error when its object is destroyed") {
    for_each_operation([](Bench& bench, Operation& operation) {
        if (is(operation, "connect") || is(operation, "close gracefully")) {
            return;
        }
        Bystander waiter(operation.wait);
        REQUIRE_FALSE(waiter.ended());
        bench.pair.reset();
        bench.listener.reset();
        CHECK(doctest::String(waiter.outcome().c_str()) == doctest::Contains(": closed"));
    });
}

TEST_CASE("closing and cancelling in one turn end an operation once") {
    for_each_operation([](Bench& bench, Operation& operation) {
        if (is(operation, "connect")) {
            return;
        }
        for (const bool close_first : {true, false}) {
            bench.pair.emplace();
            bench.listener.emplace("127.0.0.1", std::uint16_t{0});
            operation.prepare();
            Bystander waiter(operation.wait);
            REQUIRE_FALSE(waiter.ended());
            TaskGroup closers;
            if (!close_first) {
                waiter.cancel();
            }
            closers.spawn([&] { bench.pair->near.close(); });
            closers.spawn([&] { bench.listener->close(); });
            let_others_run(1);
            waiter.ended() ? static_cast<void>(0) : waiter.cancel();
            CHECK_FALSE(waiter.outcome().empty());
        }
    });
}

TEST_CASE("a cancelled close closes all the same") {
    run_in_loop([] {
        TcpPair pair;
        CancelScope scope;
        scope.cancel();
        pair.near.close();
        CHECK_FALSE(pair.near.is_open());
        const CancelScope shield(CancelScope::Kind::shield);
        std::array<std::byte, 8> buffer;
        CHECK(pair.far.read(buffer) == 0);
    });
}

TEST_CASE("a write that went through at once is not undone by a cancellation") {
    run_in_loop([] {
        HalfPair pair;
        std::string written;
        Bystander writer(
            [&] {
                for (;;) {  // at times it lets others run
                    pair.near.write("x");
                    written += 'x';
                }
            },
            1);
        writer.cancel();
        CHECK(writer.outcome() == "cancelled");
        CHECK(pair.near.is_open());
        pair.near.close();
        CHECK(pair.far.receive() == written);
    });
}

TEST_CASE("a writer that is cancelled in the queue takes no turn and leaves the stream open") {
    run_in_loop([] {
        TcpPair pair;
        Bystander first([&] { pair.near.write(std::vector<std::byte>(8 << 20, std::byte{1})); });
        Bystander second([&] { pair.near.write(std::vector<std::byte>(10, std::byte{2})); });
        Bystander third([&] { pair.near.write(std::vector<std::byte>(10, std::byte{3})); });
        second.cancel();
        CHECK(second.outcome() == "cancelled");
        std::vector<std::byte> received((8 << 20) + 10);
        pair.far.read_exactly(received);
        CHECK(received[(8 << 20) - 1] == std::byte{1});
        CHECK(received.back() == std::byte{3});
        CHECK(first.outcome().empty());
        CHECK(third.outcome().empty());
    });
}

TEST_CASE("cancelling the loop ends every operation") {
    const std::size_t before = open_descriptors();
    {
        Loop loop;
        loop.spawn([&] {
            TcpPair pair;
            TcpListener listener("127.0.0.1", 0);
            std::array<std::byte, 8> buffer;
            TaskGroup group;
            group.spawn([&] { pair.near.read(buffer); });
            group.spawn([&] { pair.near.write(std::vector<std::byte>(16 << 20)); });
            group.spawn([&] { listener.accept(); });
            group.spawn([&] { static_cast<void>(resolve("localhost")); });
            let_others_run();
            loop.cancel();
            group.wait();
        });
        CHECK(loop.run());
    }
    CHECK(open_descriptors() == before);
}

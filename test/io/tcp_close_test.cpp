// SPDX-License-Identifier: MIT
//
// How connections end: half, whole, by reset, under somebody's feet; and how they never begin.
#include <csignal>
#include <optional>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/dead_port.hpp"
#include "support/death.hpp"
#include "support/expect_error.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

std::string peer_of(const TcpStream& stream) { return stream.peer_address().to_string(); }

/// Somebody who reads from `stream` and expects nothing.
auto reading(TcpStream& stream) {
    return [&stream] {
        std::array<std::byte, 8> buffer;
        stream.read(buffer);
    };
}

/// Somebody who writes more than fits.
auto writing(TcpStream& stream) {
    return [&stream] { stream.write(std::vector<std::byte>(32 << 20)); };
}

}  // namespace

TEST_CASE("either side may end writing and go on reading") {
    run_in_loop([] {
        TcpPair pair;
        std::array<std::byte, 8> buffer;
        pair.near.shutdown_write();
        CHECK(pair.far.read(buffer) == 0);
        pair.far.write("still");
        CHECK(pair.near.read(buffer) == 5);
        pair.far.shutdown_write();
        CHECK(pair.near.read(buffer) == 0);
        CHECK(pair.near.is_open());
    });
}

TEST_CASE("reading at the end goes on returning 0") {
    run_in_loop([] {
        HalfPair pair;
        pair.far.close();
        std::array<std::byte, 8> buffer;
        for (int i = 0; i < 5; ++i) {
            CHECK(pair.near.read(buffer) == 0);
        }
    });
}

TEST_CASE("ending writing waits for what is being written") {
    run_in_loop([] {
        TcpPair pair;
        const std::vector<std::byte> sent = random_bytes(8 << 20);
        Bystander writer([&] { pair.near.write(sent); });
        Bystander ender([&] { pair.near.shutdown_write(); });
        CHECK_FALSE(ender.ended());
        std::vector<std::byte> received(sent.size());
        pair.far.read_exactly(received);
        CHECK(pair.far.read(received) == 0);
        CHECK(writer.outcome().empty());
        CHECK(ender.outcome().empty());
    });
}

TEST_CASE("ending writing twice is an error, in both forms") {
    run_in_loop([] {
        TcpPair pair;
        pair.near.shutdown_write();
        expect_both([&] { pair.near.shutdown_write(); },
                    [&] { return pair.near.shutdown_write(std::nothrow); },
                    std::errc::not_connected,
                    "shut down " + peer_of(pair.near) + ": socket is not connected");
    });
}

TEST_CASE("writing after one has ended it is an error, in both forms") {
    run_in_loop([] {
        TcpPair pair;
        pair.near.shutdown_write();
        expect_both([&] { pair.near.write("x"); },
                    [&] { return pair.near.write("x", std::nothrow); }, std::errc::broken_pipe,
                    "write " + peer_of(pair.near) + ": broken pipe");
    });
}

TEST_CASE("a reset is read as one, and written to without harm to the process") {
    run_in_loop([] {
        HalfPair pair;
        pair.far.reset();
        std::array<std::byte, 8> buffer;
        expect_both([&] { pair.near.read(buffer); },
                    [&] { return pair.near.read(buffer, std::nothrow); },
                    std::errc::connection_reset,
                    "read " + peer_of(pair.near) + ": connection reset by peer");
        for (int i = 0; i < 2; ++i) {
            const Result<void> written = pair.near.write("x", std::nothrow);
            REQUIRE_FALSE(written.has_value());
            CHECK(written.error().code() == std::errc::broken_pipe);
        }
    });
}

TEST_CASE("writing to a peer that has reset fails and does not end the process") {
    const Death death = die([] {
        signal(SIGPIPE, SIG_DFL);
        run([] {
            HalfPair pair;
            pair.far.reset();
            wait_for_arrival(descriptor_of(pair.near), 0);
            int failures = 0;
            for (int i = 0; i < 5; ++i) {  // nobody reads, so the writes find out
                failures += pair.near.write("x", std::nothrow) ? 0 : 1;
                let_others_run();
            }
            _exit(failures >= 4 ? 42 : 1);
        });
    });
    CHECK(death.signal == 0);
    CHECK(death.exit_code == 42);
}

TEST_CASE("reset() resets the peer, also after shutdown_write()") {
    run_in_loop([] {
        HalfPair pair;
        pair.near.reset();
        CHECK_FALSE(pair.near.is_open());
        CHECK(pair.far.read_error() == ECONNRESET);

        HalfPair ended;
        ended.near.shutdown_write();
        CHECK(ended.far.receive().empty());
        ended.near.reset();
        wait_for_arrival(ended.far.descriptor(), 0);
        // After a close alone, the first write would only provoke the reset.
        CHECK(::send(ended.far.descriptor(), "x", 1, MSG_NOSIGNAL) == -1);
        CHECK(errno == EPIPE);
    });
}

TEST_CASE("a write that is cancelled in the middle resets the connection") {
    run_in_loop([] {
        HalfPair pair;
        Bystander writer([&] { pair.near.write(std::vector<std::byte>(16 << 20)); });
        writer.cancel();
        CHECK(writer.outcome() == "cancelled");
        CHECK_FALSE(pair.near.is_open());
        CHECK(pair.far.read_error() == ECONNRESET);
    });
}

TEST_CASE("whoever waits for a stream is told once that another coroutine closed it") {
    run_in_loop([] {
        TcpPair pair;
        const std::string peer = peer_of(pair.near);
        Bystander reader(reading(pair.near));
        Bystander writer(writing(pair.near));
        Bystander second_writer(writing(pair.near));
        Bystander ender([&] { pair.near.shutdown_write(); });
        pair.near.close();
        CHECK(reader.outcome() == "read " + peer + ": closed");
        CHECK(writer.outcome() == "write " + peer + ": closed");
        CHECK(second_writer.outcome() == "write " + peer + ": closed");
        CHECK(ender.outcome() == "shut down " + peer + ": closed");
    });
}

TEST_CASE("whoever waits for a stream is told when it is destroyed") {
    run_in_loop([] {
        std::optional<TcpPair> pair(std::in_place);
        const std::string peer = peer_of(pair->near);
        Bystander reader(reading(pair->near));
        Bystander writer(writing(pair->near));
        pair.reset();
        CHECK(reader.outcome() == "read " + peer + ": closed");
        CHECK(writer.outcome() == "write " + peer + ": closed");
    });
}

TEST_CASE("a write of many pieces stops where another coroutine closes the stream") {
    run_in_loop([] {
        TcpPair pair;
        const std::string peer = peer_of(pair.near);
        const std::byte one{1};
        const std::vector<std::span<const std::byte>> pieces(100'000, std::span(&one, 1));
        Bystander writer([&] { pair.near.write(pieces); }, 2);
        CHECK_FALSE(writer.ended());
        pair.near.close();
        CHECK(writer.outcome() == "write " + peer + ": closed");
    });
}

TEST_CASE("a stream may be closed by several, and again") {
    run_in_loop([] {
        TcpPair pair;
        TaskGroup group;
        for (int i = 0; i < 3; ++i) {
            group.spawn([&] { pair.near.close(); });
        }
        group.wait();
        pair.near.close();
        pair.near.reset();
        CHECK_FALSE(pair.near.is_open());
    });
}

TEST_CASE(
    "a closed stream, a moved one and one that never was refuse everything and crash nothing") {
    run_in_loop([] {
        TcpPair pair;
        pair.far.close();
        TcpStream moved_to = std::move(pair.near);
        TcpStream never;
        std::array<std::byte, 8> buffer;
        for (TcpStream* stream : {&pair.near, &pair.far, &never}) {
            CHECK_FALSE(stream->is_open());
            CHECK(stream->uv() == nullptr);
            CHECK_THROWS_AS(stream->read(buffer), Error);
            CHECK(stream->read(buffer, std::nothrow).error().code() == Errc::closed);
            CHECK(stream->write("x", std::nothrow).error().code() == Errc::closed);
            CHECK(stream->shutdown_write(std::nothrow).error().code() == Errc::closed);
            CHECK(stream->graceful_close(std::nothrow).error().code() == Errc::closed);
            CHECK(stream->read_exactly(buffer, std::nothrow).error().code() == Errc::closed);
            CHECK_THROWS_AS(static_cast<void>(stream->local_address()), Error);
            CHECK_THROWS_AS(static_cast<void>(stream->peer_address()), Error);
            CHECK_THROWS_AS(stream->set_no_delay(true), Error);
            CHECK_THROWS_AS(stream->set_keep_alive(std::chrono::seconds(1)), Error);
            stream->close();
            stream->reset();
        }
        CHECK(moved_to.is_open());
    });
}

TEST_CASE("a stream moves while others wait for it") {
    run_in_loop([] {
        TcpPair pair;
        Bystander reader(reading(pair.near));
        TcpStream moved(std::move(pair.near));
        CHECK_FALSE(reader.ended());
        pair.far.write("x");
        CHECK(reader.outcome().empty());
        moved.write("y");
        std::array<std::byte, 8> buffer;
        CHECK(pair.far.read(buffer) == 1);
    });
}

TEST_CASE("assigning to a stream closes the connection it had, and leaves the other one closed") {
    run_in_loop([] {
        TcpPair first;
        TcpPair second;
        const Address kept = second.near.local_address();
        first.near = std::move(second.near);
        CHECK_FALSE(second.near.is_open());
        CHECK(first.near.local_address() == kept);
        std::array<std::byte, 8> buffer;
        CHECK(first.far.read(buffer) == 0);

        TcpStream& same = first.near;
        first.near = std::move(same);
        CHECK(first.near.is_open());
        first.near = TcpStream();
        CHECK_FALSE(first.near.is_open());
    });
}

TEST_CASE("a graceful close loses nothing that either side has written") {
    run_in_loop([] {
        TcpPair pair;
        const std::vector<std::byte> there = random_bytes(4 << 20, 1);
        const std::vector<std::byte> back = random_bytes(4 << 20, 2);
        Bystander near([&] {
            pair.near.write(there);
            pair.near.graceful_close();
        });
        std::vector<std::byte> received(there.size());
        pair.far.read_exactly(received);
        pair.far.write(back);
        CHECK(pair.far.read(received) == 0);
        CHECK_FALSE(near.ended());
        pair.far.shutdown_write();
        CHECK(near.outcome().empty());
        CHECK(received == there);
        CHECK_FALSE(pair.near.is_open());
    });
}

TEST_CASE("a graceful close may follow the end of writing") {
    run_in_loop([] {
        TcpPair pair;
        pair.near.shutdown_write();
        Bystander near([&] { pair.near.graceful_close(); });
        CHECK_FALSE(near.ended());
        pair.far.write("late");
        pair.far.close();
        CHECK(near.outcome().empty());
        CHECK_FALSE(pair.near.is_open());
    });
}

TEST_CASE("a graceful close that takes too long is cut short and closes all the same") {
    run_in_loop([] {
        TcpPair pair;
        CHECK_THROWS_AS(
            with_timeout(std::chrono::milliseconds(5), [&] { pair.near.graceful_close(); }),
            TimedOut);
        CHECK_FALSE(pair.near.is_open());
    });
}

TEST_CASE("a graceful close of a connection that is reset says so and closes") {
    run_in_loop([] {
        HalfPair pair;
        const std::string peer = peer_of(pair.near);
        pair.far.reset();
        CHECK_FALSE(pair.near.graceful_close(std::nothrow).has_value());
        CHECK_FALSE(pair.near.is_open());
    });
}

TEST_CASE("connecting to where nobody listens is refused, in both forms") {
    run_in_loop([] {
        const DeadPort dead;
        const Address address = dead.address();
        expect_both([&] { TcpStream::connect(address); },
                    [&] { return TcpStream::connect(address, std::nothrow); },
                    std::errc::connection_refused,
                    "connect " + address.to_string() + ": connection refused");
        expect_both([&] { TcpStream::connect("127.0.0.1", address.port()); },
                    [&] { return TcpStream::connect("127.0.0.1", address.port(), std::nothrow); },
                    std::errc::connection_refused,
                    "connect " + address.to_string() + ": connection refused");
    });
}

TEST_CASE("connecting to a name tries its addresses in turn") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        const TcpStream near = TcpStream::connect("localhost", listener.local_address().port());
        CHECK(near.is_open());
        CHECK(listener.accept().peer_address() == near.local_address());
    });
}

TEST_CASE("connecting to a host that nobody knows is an error that names it") {
    run_in_loop([] {
        const auto result = TcpStream::connect("nosuchhost.invalid", 80, std::nothrow);
        REQUIRE_FALSE(result.has_value());
        CHECK(doctest::String(result.error().what()) ==
              doctest::Contains("resolve nosuchhost.invalid: "));
    });
}

TEST_CASE("connecting to a host that does not answer ends with the time for it") {
    run_in_loop([] {
        const TcpPair first;  // libuv keeps a descriptor in reserve from then on
        const TcpListener listener("127.0.0.1", 0, {.backlog = 0});
        const Address address = listener.local_address();
        bool timed_out = false;
        const std::size_t descriptors = open_descriptors();
        std::vector<TcpStream> streams;
        for (int i = 0; i < 20 && !timed_out; ++i) {  // until the backlog is full
            try {
                streams.push_back(with_timeout(std::chrono::milliseconds(20),
                                               [&] { return TcpStream::connect(address); }));
            } catch (const TimedOut&) {
                timed_out = true;
            }
        }
        CHECK(timed_out);
        CHECK(open_descriptors() == descriptors + streams.size());
    });
}

TEST_CASE("a stream that nobody closes is closed when its loop's last coroutine lets go of it") {
    const std::size_t before = open_descriptors();
    run_in_loop([] {
        TcpPair pair;
        pair.near.write("unread");
    });
    CHECK(open_descriptors() == before);
}

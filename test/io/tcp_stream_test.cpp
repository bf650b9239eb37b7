// SPDX-License-Identifier: MIT
//
// What goes through a connection that nobody breaks.
#include <algorithm>
#include <cstring>

#include <netinet/tcp.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/poll_order.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

std::vector<std::byte> read_all(TcpStream& stream, std::size_t buffer_size = 64 * 1024) {
    std::vector<std::byte> all;
    std::vector<std::byte> buffer(buffer_size);
    while (const std::size_t count = stream.read(buffer)) {
        all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return all;
}

int option_of(const TcpStream& stream, int level, int name) {
    uv_os_fd_t descriptor = -1;
    uv_fileno(reinterpret_cast<uv_handle_t*>(stream.uv()), &descriptor);
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(descriptor, level, name, &value, &size);
    return value;
}

}  // namespace

TEST_CASE("binary data with zero bytes comes back from an echo as it was") {
    run_in_loop([] {
        TcpPair pair;
        const std::vector<std::byte> sent = random_bytes(3'000'000);
        TaskGroup group;
        group.spawn([&] {
            std::vector<std::byte> buffer(10'000);
            while (const std::size_t count = pair.far.read(buffer)) {
                pair.far.write(std::span(buffer).first(count));
            }
            pair.far.shutdown_write();
        });
        group.spawn([&] {
            pair.near.write(sent);
            pair.near.shutdown_write();
        });
        CHECK(read_all(pair.near) == sent);
        group.wait();
    });
}

TEST_CASE("a connection works over IPv6") {
    run_in_loop([] {
        TcpListener listener("::1", 0);
        TcpStream near = TcpStream::connect("::1", listener.local_address().port());
        TcpStream far = listener.accept();
        CHECK(near.peer_address() == listener.local_address());
        near.write("six");
        std::array<std::byte, 3> buffer;
        far.read_exactly(buffer);
        CHECK(std::memcmp(buffer.data(), "six", 3) == 0);
    });
}

TEST_CASE("a read returns what is there although the buffer is larger") {
    run_in_loop([] {
        const HalfPair pair;
        pair.far.send("abc");
        std::array<std::byte, 100> buffer;
        CHECK(const_cast<HalfPair&>(pair).near.read(buffer) == 3);
    });
}

TEST_CASE("a thousand pieces arrive as one write, empty ones among them") {
    run_in_loop([] {
        TcpPair pair;
        const std::vector<std::byte> sent = random_bytes(499'500);
        std::vector<std::span<const std::byte>> pieces;
        for (std::size_t i = 0, at = 0; i < 1000; at += i, ++i) {
            pieces.push_back(std::span(sent).subspan(at, i));  // the first is empty
        }
        TaskGroup group;
        group.spawn([&] {
            pair.near.write(pieces);
            pair.near.shutdown_write();
        });
        CHECK(read_all(pair.far) == sent);
        group.wait();
    });
}

TEST_CASE("more pieces than the system takes at once arrive in order") {
    run_in_loop([] {
        TcpPair pair;
        const std::vector<std::byte> sent = random_bytes(5000);
        std::vector<std::span<const std::byte>> pieces;
        for (std::size_t i = 0; i < sent.size(); ++i) {
            pieces.push_back(std::span(sent).subspan(i, 1));  // IOV_MAX is 1024
        }
        pair.near.write(pieces);
        pair.near.shutdown_write();
        CHECK(read_all(pair.far) == sent);
    });
}

TEST_CASE("an empty write sends nothing and an empty read takes nothing") {
    run_in_loop([] {
        HalfPair pair;
        pair.near.write(std::span<const std::byte>());
        pair.near.write(std::span<const std::span<const std::byte>>());
        pair.near.write("");
        pair.far.send("x");
        CHECK(pair.near.read(std::span<std::byte>()) == 0);
        std::array<std::byte, 2> buffer;
        CHECK(pair.near.read(buffer) == 1);
        pair.near.close();
        CHECK(pair.far.receive().empty());
    });
}

TEST_CASE("writes of several coroutines are each whole and in the order of asking") {
    run_in_loop([] {
        TcpPair pair;
        constexpr std::size_t size = 3'000'000;  // more than the system takes at once
        constexpr int writers = 8;
        TaskGroup group;
        for (int i = 0; i < writers; ++i) {
            group.spawn([&pair, i] {
                pair.near.write(std::vector<std::byte>(size, static_cast<std::byte>(i)));
            });
        }
        std::vector<std::byte> received(size);
        for (int i = 0; i < writers; ++i) {
            pair.far.read_exactly(received);
            CHECK(std::count(received.begin(), received.end(), static_cast<std::byte>(i)) == size);
        }
        group.wait();
    });
}

TEST_CASE("a second reader gets an error and the first one its data") {
    run_in_loop([] {
        HalfPair pair;
        Bystander first([&] {
            std::array<std::byte, 8> buffer;
            CHECK(pair.near.read(buffer) == 4);
        });
        std::array<std::byte, 8> buffer;
        expect_both([&] { pair.near.read(buffer); },
                    [&] { return pair.near.read(buffer, std::nothrow); },
                    std::errc::device_or_resource_busy,
                    "read " + pair.near.peer_address().to_string() + ": resource busy or locked");
        pair.far.send("data");
        CHECK(first.outcome().empty());
    });
}

TEST_CASE("a second reader gets an error, too, when the first one's data came just now") {
    run_in_loop([] {
        HalfPair pair;
        std::array<std::byte, 8> taken;
        std::size_t count = 0;
        Bystander first([&] { count = pair.near.read(taken); });
        std::string second;
        CoQueue queue;
        TaskGroup group;
        group.spawn([&] {
            queue.wait();
            std::array<std::byte, 8> buffer;
            const auto result = pair.near.read(buffer, std::nothrow);
            second = result ? "got something" : result.error().what();
        });
        const CallInPoll wake([&] { queue.wake_all(); });
        wake.trigger();  // so that the second one runs before the first, whose data is there
        pair.far.send("data");
        CHECK(first.outcome().empty());
        group.wait();
        CHECK(count == 4);
        CHECK(std::memcmp(taken.data(), "data", 4) == 0);
        CHECK(doctest::String(second.c_str()) == doctest::Contains("resource busy"));
    });
}

TEST_CASE("read_exactly fills the buffer from what comes bit by bit") {
    run_in_loop([] {
        TcpPair pair;
        TaskGroup group;
        group.spawn([&] {
            for (const char* part : {"a", "bc", "def"}) {
                pair.near.write(part);
                let_others_run();
            }
        });
        std::array<std::byte, 6> buffer;
        pair.far.read_exactly(buffer);
        CHECK(std::memcmp(buffer.data(), "abcdef", 6) == 0);
        pair.far.read_exactly(std::span<std::byte>());
    });
}

TEST_CASE("read_exactly says end of stream when it comes too early, in both forms") {
    run_in_loop([] {
        HalfPair pair;
        pair.far.send("abc");
        pair.far.close();
        std::array<std::byte, 4> buffer;
        CHECK_THROWS_AS(pair.near.read_exactly(buffer), EndOfStream);
        expect_error(pair.near.read_exactly(buffer, std::nothrow), Errc::end_of_stream,
                     "read exactly: end of stream");
    });
}

TEST_CASE("both ends know where they are") {
    run_in_loop([] {
        const TcpPair pair;
        CHECK(pair.near.local_address() == pair.far.peer_address());
        CHECK(pair.near.peer_address() == pair.far.local_address());
        CHECK(pair.near.local_address().port() != 0);
    });
}

TEST_CASE("small writes are held back or not as asked") {
    run_in_loop([] {
        TcpPair pair;
        CHECK(option_of(pair.near, IPPROTO_TCP, TCP_NODELAY) == 0);
        pair.near.set_no_delay(true);
        CHECK(option_of(pair.near, IPPROTO_TCP, TCP_NODELAY) == 1);
        pair.near.set_no_delay(false);
        CHECK(option_of(pair.near, IPPROTO_TCP, TCP_NODELAY) == 0);
    });
}

TEST_CASE("keep-alive probes begin after the time asked for, and zero turns them off") {
    run_in_loop([] {
        TcpPair pair;
        CHECK(option_of(pair.near, SOL_SOCKET, SO_KEEPALIVE) == 0);
        pair.near.set_keep_alive(std::chrono::seconds(77));
        CHECK(option_of(pair.near, SOL_SOCKET, SO_KEEPALIVE) == 1);
        CHECK(option_of(pair.near, IPPROTO_TCP, TCP_KEEPIDLE) == 77);
        pair.near.set_keep_alive(std::chrono::seconds(0));
        CHECK(option_of(pair.near, SOL_SOCKET, SO_KEEPALIVE) == 0);
        CHECK_THROWS_AS(pair.near.set_keep_alive(std::chrono::hours(24 * 365)), Error);
        CHECK_THROWS_AS(pair.near.set_keep_alive(std::chrono::seconds((std::int64_t{1} << 32) + 1)),
                        Error);
    });
}

TEST_CASE("what ends in a stream is passed on through the interfaces of all streams") {
    run_in_loop([] {
        TcpPair pair;
        Writer& writer = pair.near;
        Reader& reader = pair.far;
        Stream& stream = pair.near;
        writer.write("abc");
        stream.shutdown_write();
        std::array<std::byte, 8> buffer;
        CHECK(reader.read(buffer) == 3);
        CHECK(reader.read(buffer) == 0);
    });
}

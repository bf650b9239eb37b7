// SPDX-License-Identifier: MIT
//
// Slow peers, fast peers, and readers who do not come.
#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/loop_turns.hpp"
#include "support/memory.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

std::size_t queued_bytes(const TcpStream& stream) {
    return uv_stream_get_write_queue_size(reinterpret_cast<uv_stream_t*>(stream.uv()));
}

}  // namespace

TEST_CASE("a write waits for a slow reader and keeps no copy") {
    run_in_loop([] {
        TcpPair pair;
        const std::vector<std::byte> sent = random_bytes(32 << 20);
        std::vector<std::byte> received(sent.size());
        const std::size_t before = resident_bytes();
        Bystander writer([&] { pair.near.write(sent); });
        CHECK_FALSE(writer.ended());
        const std::size_t waiting = queued_bytes(pair.near);
        CHECK(waiting > 0);
        CHECK(waiting < sent.size());  // libuv's count of our bytes, of which the system has some
        let_others_run(20);
        CHECK_FALSE(writer.ended());
        CHECK(resident_bytes() < before + (4 << 20));

        pair.far.read_exactly(received);
        CHECK(writer.outcome().empty());
        CHECK(queued_bytes(pair.near) == 0);
        CHECK(received == sent);
    });
}

TEST_CASE("a hundred writers of a stalled connection cost no memory for their data") {
    run_in_loop([] {
        TcpPair pair;
        fill(pair.near);
        const std::vector<std::byte> chunk(1 << 20);
        TaskGroup writers;
        const std::size_t before = resident_bytes();
        for (int i = 0; i < 100; ++i) {
            writers.spawn([&] { pair.near.write(chunk); });
        }
        let_others_run();
        CHECK(queued_bytes(pair.near) <= chunk.size());
        CHECK(resident_bytes() - before < (32 << 20));  // stacks; the data would be 100 MiB
        pair.near.close();
        CHECK_THROWS_AS(writers.wait(), Error);
    });
}

TEST_CASE("data that nobody reads stops the reading, wakes nobody and is not lost") {
    run_in_loop([] {
        HalfPair pair;
        std::array<std::byte, 4> buffer;
        pair.far.send("1234");
        CHECK(pair.near.read(buffer) == 4);
        pair.far.send("5678");
        const LoopTurns turns;
        co_sleep(std::chrono::milliseconds(20));
        CHECK(turns.count() < 10);
        pair.near.read_exactly(buffer);
        CHECK(bytes_of("5678")[0] == buffer[0]);
        CHECK(bytes_of("5678")[3] == buffer[3]);
    });
}

TEST_CASE("the end of a stream that nobody reads wakes nobody") {
    run_in_loop([] {
        HalfPair pair;
        std::array<std::byte, 4> buffer;
        pair.far.send("1234");
        CHECK(pair.near.read(buffer) == 4);
        pair.far.close();
        const LoopTurns turns;
        co_sleep(std::chrono::milliseconds(20));
        CHECK(turns.count() < 10);
        CHECK(pair.near.read(buffer) == 0);
    });
}

TEST_CASE("a reset that nobody reads wakes nobody and is found by the next reader") {
    run_in_loop([] {
        HalfPair pair;
        std::array<std::byte, 4> buffer;
        pair.far.send("1234");
        CHECK(pair.near.read(buffer) == 4);
        pair.far.reset();
        const LoopTurns turns;
        co_sleep(std::chrono::milliseconds(20));
        CHECK(turns.count() < 10);
        const auto result = pair.near.read(buffer, std::nothrow);
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().code() == std::errc::connection_reset);
    });
}

TEST_CASE("urgent data neither ends nor spins a reader") {
    run_in_loop([] {
        HalfPair pair;
        std::string received;
        Bystander reader([&] {
            std::array<std::byte, 64> buffer;
            while (const std::size_t count = pair.near.read(buffer)) {
                received.append(reinterpret_cast<const char*>(buffer.data()), count);
            }
        });
        pair.far.send("before");
        REQUIRE(::send(pair.far.descriptor(), "!", 1, MSG_OOB) == 1);
        const LoopTurns turns;
        co_sleep(std::chrono::milliseconds(20));
        CHECK(turns.count() < 10);
        pair.far.send("after");
        pair.far.close();
        CHECK(reader.outcome().empty());
        CHECK(received == "beforeafter");
    });
}

TEST_CASE("buffers that are always full are read without going through the loop each time") {
    run_in_loop([] {
        HalfPair pair;
        const std::string text(60'000, 'x');
        pair.far.send(text);
        std::array<std::byte, 100> buffer;
        CHECK(pair.near.read(buffer) == buffer.size());
        const LoopTurns turns;
        std::size_t total = buffer.size();
        while (total < text.size()) {
            total += pair.near.read(buffer);
        }
        CHECK(total == text.size());
        CHECK(turns.count() < 60);  // 600 reads
        CHECK(turns.count() > 5);   // but others had their turns
    });
}

TEST_CASE("a pair that never waits lets others run") {
    run_in_loop([] {
        HalfPair pair;
        pair.far.send(std::string(60'000, 'x'));
        std::size_t others = 0;
        bool done = false;
        TaskGroup group;
        group.spawn([&] {
            while (!done) {
                ++others;
                co_sleep_ns(0);
            }
        });
        std::array<std::byte, 10> buffer;
        for (int i = 0; i < 6000; ++i) {
            pair.near.read_exactly(buffer);
            pair.near.write("y");
        }
        done = true;
        group.wait();
        CHECK(others > 50);
    });
}

TEST_CASE("a reader that is cancelled when it has let others run and finds nothing learns of it") {
    run_in_loop([] {
        constexpr std::size_t without_waiting = 64;  // then it lets others run, once
        HalfPair pair;
        pair.far.send(std::string(without_waiting, 'x'));
        CoQueue start;
        std::size_t received = 0;
        Bystander reader([&] {
            std::array<std::byte, 1> buffer;  // always full, so that more may be there
            received += pair.near.read(buffer);
            start.wait();
            for (;;) {
                received += pair.near.read(buffer);
            }
        });
        start.wake_one();
        co_sleep_ns(0);  // began first, so it ends first, with the reader ready
        CHECK(received == without_waiting);
        reader.cancel();
        let_others_run(10);
        CHECK(reader.ended());
        pair.near.close();  // ends it in any case
        CHECK(reader.outcome() == "cancelled");
    });
}

TEST_CASE("an error on the direct way is told once, and again by every later read") {
    run_in_loop([] {
        HalfPair pair;
        std::array<std::byte, 4> buffer;
        pair.far.send("12345678");
        CHECK(pair.near.read(buffer) == 4);  // full: more may be there, so the next goes directly
        pair.far.reset();
        for (int i = 0; i < 3; ++i) {
            const auto result = pair.near.read(buffer, std::nothrow);
            if (result) {
                CHECK(*result == 4);  // the system may still hand out what came before
                continue;
            }
            CHECK(result.error().code() == std::errc::connection_reset);
            CHECK_THROWS_AS(pair.near.read(buffer), Error);
        }
        const LoopTurns turns;
        co_sleep(std::chrono::milliseconds(10));
        CHECK(turns.count() < 10);
        CHECK_FALSE(pair.near.write("x", std::nothrow).has_value());
    });
}

TEST_CASE("a thousand round trips make no more system calls than they need") {
    run_in_loop([] {
        TcpPair pair;
        TaskGroup group;
        group.spawn([&] {
            std::array<std::byte, 64> buffer;
            while (const std::size_t count = pair.far.read(buffer)) {
                pair.far.write(std::span(buffer).first(count));
            }
        });
        std::array<std::byte, 64> buffer;
        const LoopTurns turns;
        for (int i = 0; i < 1000; ++i) {
            pair.near.write("ping");
            CHECK(pair.near.read(buffer) == 4);
        }
        CHECK(turns.count() < 2100);  // one for each direction
        pair.near.close();
        group.wait();
    });
}

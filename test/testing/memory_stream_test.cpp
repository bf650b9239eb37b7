// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/memory_stream.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/testing.hpp>
#include <coloop/timeout.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/sockets.hpp"

namespace coloop::testing {

using namespace std::chrono_literals;

namespace {

std::string read_some(Reader& reader, std::size_t most = 64) {
    std::string text(most, '\0');
    text.resize(reader.read(std::as_writable_bytes(std::span(text))));
    return text;
}

std::string read_all(Reader& reader) {
    std::string text;
    for (std::string part = read_some(reader); !part.empty(); part = read_some(reader)) {
        text += part;
    }
    return text;
}

std::chrono::nanoseconds time_of(std::int64_t start) {
    return std::chrono::nanoseconds(manual_clock().now() - start);
}

}  // namespace

TEST_SUITE("MemoryStream") {
    TEST_CASE("what one end writes the other reads, both ways and whole") {
        run_seeds(20, [] {
            auto [near, far] = memory_stream_pair();
            const auto sent = random_bytes(300'000);
            TaskGroup group;
            group.spawn([&far = far] {
                std::vector<std::byte> buffer(10'000);
                while (const std::size_t count = far.read(buffer)) {
                    far.write(std::span(buffer).first(count));
                }
                far.shutdown_write();
            });
            group.spawn([&near = near, &sent] {
                near.write(sent);
                near.shutdown_write();
            });
            std::vector<std::byte> got(sent.size());
            near.read_exactly(got);
            CHECK(got == sent);
            CHECK(read_some(near).empty());
            group.wait();
        });
    }

    TEST_CASE("bytes and the end of the stream are under way as long as the latency says") {
        run_test([] {
            auto [near, far] = memory_stream_pair({.latency = 80ms});
            const std::int64_t start = manual_clock().now();
            near.write("one");
            co_sleep(20ms);
            near.write("two");
            co_sleep(20ms);
            near.shutdown_write();
            CHECK(far.unread() == 6);
            CHECK(read_some(far) == "one");
            CHECK(time_of(start) == 80ms);
            CHECK(read_some(far) == "two");
            CHECK(time_of(start) == 100ms);
            CHECK(read_some(far).empty());
            CHECK(time_of(start) == 120ms);
        });
    }

    TEST_CASE("a read gets no more than the longest, a write hands over no more at once") {
        run_test([] {
            auto [near, far] = memory_stream_pair({.longest_read = 2});
            near.write("12345");
            CHECK(read_some(far) == "12");
            CHECK(read_some(far, 1) == "3");
            CHECK(read_some(far) == "45");
        });
        run_test({.order = Order::fifo}, [] {
            auto [near, far] = memory_stream_pair({.longest_write = 3});
            TaskGroup group;
            group.spawn([&near = near] { near.write("1234567"); });
            CHECK(read_some(far) == "123");
            CHECK(read_some(far) == "456");
            CHECK(read_some(far) == "7");
        });
    }

    TEST_CASE("a write waits while the capacity is used up, and each write is whole") {
        run_seeds(50, [] {
            auto [near, far] = memory_stream_pair({.capacity = 10});
            TaskGroup group;
            for (const char* text : {"aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbb"}) {
                group.spawn([&near = near, text] { near.write(text); });
            }
            wait_until_all_blocked();
            CHECK(far.unread() == 10);
            CHECK(group.size() == 2);
            std::string text(48, '\0');
            far.read_exactly(std::as_writable_bytes(std::span(text)));
            CHECK((text == std::string(24, 'a') + std::string(24, 'b') ||
                   text == std::string(24, 'b') + std::string(24, 'a')));
            group.wait();
        });
    }

    TEST_CASE("after shutdown_write the other direction goes on") {
        run_test([] {
            auto [near, far] = memory_stream_pair();
            near.shutdown_write();
            CHECK(read_some(far).empty());
            far.write("still here");
            CHECK(read_some(near) == "still here");
            expect_both([&near = near] { near.shutdown_write(); },
                        [&near = near] { return near.shutdown_write(std::nothrow); },
                        std::errc::not_connected,
                        "shut down the near memory stream: " +
                            std::make_error_code(std::errc::not_connected).message());
            CHECK(near.write("x", std::nothrow).error().code() == std::errc::broken_pipe);
        });
    }

    TEST_CASE("after the peer has closed, what it sent can be read, and writing fails") {
        run_test([] {
            auto [near, far] = memory_stream_pair();
            near.write("last words");
            near.close();
            near.close();
            CHECK(read_all(far) == "last words");
            expect_both([&far = far] { far.write("x"); },
                        [&far = far] { return far.write("x", std::nothrow); },
                        std::errc::broken_pipe, "write the far memory stream: Broken pipe");
            expect_both([&near = near] { read_some(near); },
                        [&near = near] {
                            std::array<std::byte, 1> byte{};
                            return near.read(byte, std::nothrow);
                        },
                        std::errc::bad_file_descriptor, "read the near memory stream: closed");
        });
    }

    TEST_CASE("graceful_close waits for the peer's end, and a destroyed end is a closed one") {
        run_test([] {
            auto pair = memory_stream_pair();
            TaskGroup group;
            group.spawn([far = std::move(pair.far)]() mutable {
                CHECK(read_all(far) == "bye");
                co_sleep(1h);
            });
            const std::int64_t start = manual_clock().now();
            pair.near.write("bye");
            pair.near.graceful_close();
            CHECK(time_of(start) == 1h);
        });
    }

    TEST_CASE("a reset breaks both ends, those who wait too, and loses what was under way") {
        run_test([] {
            auto [near, far] = memory_stream_pair({.capacity = 4});
            Bystander reader([&near = near] { read_some(near); });
            Bystander writer([&near = near] { near.write("12345"); });
            far.reset();
            CHECK(reader.outcome() == "read the near memory stream: Connection reset by peer");
            CHECK(writer.outcome() == "write the near memory stream: Connection reset by peer");
            CHECK(far.unread() == 0);
            std::array<std::byte, 1> byte{};
            CHECK(far.read(byte, std::nothrow).error().code() == std::errc::connection_reset);
        });
    }

    TEST_CASE("what a stalled end sends arrives after it was resumed") {
        run_test([] {
            auto [near, far] = memory_stream_pair();
            near.write("early ");
            near.stall();
            near.write("late");
            near.shutdown_write();
            CHECK_FALSE(move_on_after(1h, [&far = far] { return read_some(far); }));
            far.write("the other way");
            CHECK(read_some(near) == "the other way");
            near.resume();
            CHECK(read_all(far) == "early late");
        });
    }

    TEST_CASE("a second reader is busy, and closing wakes those who wait") {
        run_test([] {
            auto [near, far] = memory_stream_pair({.capacity = 1});
            Bystander reader([&near = near] { read_some(near); });
            std::array<std::byte, 1> byte{};
            expect_error(near.read(byte, std::nothrow), std::errc::device_or_resource_busy,
                         "read the near memory stream: Device or resource busy");
            Bystander writer([&near = near] { near.write("12"); });
            Bystander second([&near = near] { near.write("34"); });
            near.close();
            CHECK(reader.outcome() == "read the near memory stream: closed");
            CHECK(writer.outcome() == "write the near memory stream: closed");
            CHECK(second.outcome() == "write the near memory stream: closed");
        });
    }

    TEST_CASE("a cancelled read loses nothing, a write that was cancelled midway closes") {
        run_test([] {
            auto [near, far] = memory_stream_pair({.capacity = 4, .latency = 1s});
            CHECK_FALSE(move_on_after(1h, [&far = far] { return read_some(far); }));
            near.write("1234");
            CHECK_FALSE(move_on_after(500ms, [&far = far] { return read_some(far); }));
            CHECK(read_some(far) == "1234");
            Bystander first([&near = near] { near.write("56789"); });
            Bystander second([&near = near] { near.write("x"); });
            second.cancel();
            CHECK(second.outcome() == "cancelled");
            CHECK_FALSE(first.ended());
            first.cancel();
            CHECK(first.outcome() == "cancelled");
            CHECK(read_all(far) == "5678");
            CHECK(near.write("x", std::nothrow).error().code() == Errc::closed);
        });
    }

    TEST_CASE("one that is not open fails politely, also for a cancelled caller") {
        run_test([] {
            MemoryStream stream;
            stream.close();
            stream.reset();
            stream.stall();
            stream.resume();
            CHECK(stream.unread() == 0);
            expect_error(stream.write("x", std::nothrow), Errc::closed,
                         "write a memory stream: closed");
            CHECK(stream.shutdown_write(std::nothrow).error().code() == Errc::closed);
            auto [near, far] = memory_stream_pair();
            CancelScope scope;
            scope.cancel();
            std::array<std::byte, 1> byte{};
            CHECK(near.read(byte, std::nothrow).error().code() == Errc::cancelled);
            CHECK(near.write("x", std::nothrow).error().code() == Errc::cancelled);
            CHECK(near.shutdown_write(std::nothrow).error().code() == Errc::cancelled);
            CHECK(far.unread() == 0);
        });
    }
}

}  // namespace coloop::testing

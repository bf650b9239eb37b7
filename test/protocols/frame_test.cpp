// SPDX-License-Identifier: MIT
#include <limits>
#include <string>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/files.hpp"
#include "support/run_in_loop.hpp"
#include "support/scripted_stream.hpp"
#include "support/sockets.hpp"

using namespace coloop;
using namespace std::string_literals;

namespace {

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_SUITE("frame") {
    TEST_CASE("a frame is four bytes of length and the content, in one write") {
        KeepingWriter target;
        write_frame(target, bytes("hello"));
        CHECK(target.text == "\0\0\0\5hello"s);
        CHECK(target.writes == 1);
        write_frame(target, {});
        CHECK(target.text == "\0\0\0\5hello\0\0\0\0"s);
    }

    TEST_CASE("frames are read one by one, wherever the stream is cut, until it ends") {
        const std::string text = "\0\0\0\5hello\0\0\0\0\0\0\0\3you"s;
        for (std::size_t size = 1; size <= text.size(); ++size) {
            ScriptedReader source{};
            for (std::size_t at = 0; at < text.size(); at += size) {
                source.add(text.substr(at, size));
            }
            BufReader reader(source, 4);
            CHECK(text_of(*read_frame(reader)) == "hello");
            CHECK(read_frame(reader)->empty());
            CHECK(text_of(*read_frame(reader)) == "you");
            CHECK(!read_frame(reader));
            CHECK(!read_frame(reader));
        }
    }

    TEST_CASE("a frame over the limit is an Error that names it, and is still there") {
        ScriptedReader source{"\0\0\0\5hello"s};
        BufReader reader(source);
        expect_both([&] { read_frame(reader, 4); },
                    [&] { return read_frame(reader, 4, std::nothrow); }, std::errc::message_size,
                    "read a frame of at most 4 bytes: longer than allowed");
        CHECK(text_of(*read_frame(reader, 5)) == "hello");
    }

    TEST_CASE("what is announced and never comes takes no memory") {
        ScriptedReader source{"\xff\xff\xff\xff little"s};
        BufReader reader(source, 64);
        CHECK_THROWS_AS(read_frame(reader, std::numeric_limits<std::size_t>::max()), EndOfStream);
        CHECK(source.largest_read <= 64);
    }

    TEST_CASE("a stream that ends inside a frame is EndOfStream, in both forms") {
        for (const std::string& text : {"\0"s, "\0\0\0"s, "\0\0\0\1"s, "\0\0\0\5hell"s}) {
            ScriptedReader source{text};
            BufReader reader(source);
            CHECK_THROWS_AS(read_frame(reader), EndOfStream);
            expect_error(read_frame(reader, 100, std::nothrow), Errc::end_of_stream,
                         "read a frame: end of stream");
        }
    }

    TEST_CASE("a failing writer's Error is passed on, and too much is refused") {
        KeepingWriter target;
        target.failure = Error(std::make_error_code(std::errc::no_space_on_device), "write", "it");
        expect_both([&] { write_frame(target, bytes("x")); },
                    [&] { return write_frame(target, bytes("x"), std::nothrow); },
                    std::errc::no_space_on_device, "write it: No space left on device");
        const std::span<const std::byte> huge(reinterpret_cast<const std::byte*>(&target),
                                              std::size_t{1} << 32);
        expect_both([&] { write_frame(target, huge); },
                    [&] { return write_frame(target, huge, std::nothrow); },
                    std::errc::message_size,
                    "write a frame of at most 4294967295 bytes: longer than allowed");
        CHECK(target.writes == 2);
    }

    TEST_CASE("a cancelled read_frame loses nothing of what has come") {
        run_in_loop([] {
            TcpPair pair;
            BufReader reader(pair.near);
            pair.far.write("\0\0\0\5hel"s);
            Bystander waiting([&] { read_frame(reader); });
            waiting.cancel();
            CHECK(waiting.outcome() == "cancelled");
            pair.far.write("lo");
            CHECK(text_of(*read_frame(reader)) == "hello");
        });
    }
}

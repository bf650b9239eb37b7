// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/run_in_loop.hpp"
#include "support/scripted_stream.hpp"
#include "support/sockets.hpp"

using namespace coloop;
using namespace std::chrono_literals;

namespace {

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string read_all(Reader& reader) {
    std::string all;
    std::string buffer(7, '\0');
    while (const std::size_t count = reader.read(writable(buffer))) {
        all.append(buffer, 0, count);
    }
    return all;
}

std::vector<std::string> all_lines(Reader& reader) {
    std::vector<std::string> all;
    for (const std::string_view line : lines(reader)) {
        all.emplace_back(line);
    }
    return all;
}

}  // namespace

TEST_SUITE("BufReader") {
    TEST_CASE("read_line returns lines without their ends, and the last one without any") {
        ScriptedReader source{"one\ntwo\r\n\n\r\nth\rree\r\r\nlast\r"};
        CHECK(all_lines(source) ==
              std::vector<std::string>{"one", "two", "", "", "th\rree\r", "last\r"});
        ScriptedReader empty{};
        CHECK(all_lines(empty).empty());
        ScriptedReader ended{"\n"};
        CHECK(all_lines(ended) == std::vector<std::string>{""});
    }

    TEST_CASE("where the pieces of a stream are cut makes no difference") {
        const std::string text = "first\r\nsecond\n\nthe third is longer\r\nend";
        const std::vector<std::string> expected{"first", "second", "", "the third is longer",
                                                "end"};
        for (std::size_t size = 1; size <= text.size(); ++size) {
            ScriptedReader source{};
            for (std::size_t at = 0; at < text.size(); at += size) {
                source.add(text.substr(at, size));
            }
            CHECK(all_lines(source) == expected);
        }
    }

    TEST_CASE(
        "one read fills the buffer for many lines, and the next comes when they are used up") {
        ScriptedReader source{"a\nb\nc\n", "d\n"};
        BufReader reader(source);
        for (const char* expected : {"a", "b", "c"}) {
            CHECK(*reader.read_line() == expected);
            CHECK(source.reads == 1);
        }
        CHECK(*reader.read_line() == "d");
        CHECK(source.reads == 2);
        CHECK(source.largest_read == BufReader::standard_size);
    }

    TEST_CASE("nothing is read ahead before somebody asks") {
        ScriptedReader source{"text"};
        {
            const BufReader reader(source);
            CHECK(reader.buffered().empty());
        }
        CHECK(read_all(source) == "text");
    }

    TEST_CASE("a line longer than the limit is an Error that names it, and nothing is lost") {
        ScriptedReader source{"12345", "6789\nshort\n"};
        BufReader reader(source, 4);
        expect_both([&] { reader.read_line(8); }, [&] { return reader.read_line(8, std::nothrow); },
                    std::errc::message_size, "read a line of at most 8 bytes: longer than allowed");
        CHECK(reader.read_line(8, std::nothrow).error().code() == Errc::too_long);
        CHECK(*reader.read_line(9) == "123456789");
        CHECK(*reader.read_line(5) == "short");
        CHECK(!reader.read_line(0));
    }

    TEST_CASE("a line as long as the limit is taken, whatever its end and however it comes") {
        for (const char* end : {"\n", "\r\n", ""}) {
            for (const std::size_t size : {1U, 2U, 3U, 100U}) {
                ScriptedReader source{std::string("12345678") + end};
                BufReader reader(source, size);
                CHECK(*reader.read_line(8) == "12345678");
                CHECK(!reader.read_line(8));
                ScriptedReader longer{std::string("123456789") + end};
                BufReader refusing(longer, size);
                CHECK(refusing.read_line(8, std::nothrow).error().code() == Errc::too_long);
            }
        }
    }

    TEST_CASE("the buffer never takes in much more than the limit") {
        ScriptedReader source{std::string(1'000'000, 'x')};
        BufReader reader(source, 64);
        CHECK(!reader.read_line(1000, std::nothrow));
        CHECK(reader.buffered().size() <= 1002);
        CHECK(source.largest_read <= 1002);
    }

    TEST_CASE("an empty last line of a limit's length is no line") {
        ScriptedReader source{"\r\n"};
        BufReader reader(source, 1);
        CHECK(*reader.read_line(0) == "");
        CHECK(!reader.read_line(0));
    }

    TEST_CASE("read_until takes the delimiter, also one that is cut in two") {
        ScriptedReader source{"head -", "-", "- body ---", "tail"};
        BufReader reader(source);
        CHECK(*reader.read_until("---") == "head ");
        CHECK(*reader.read_until("---") == " body ");
        CHECK_THROWS_AS(reader.read_until("---"), EndOfStream);
        expect_error(reader.read_until("---", 100, std::nothrow), Errc::end_of_stream,
                     "read until a delimiter: end of stream");
        CHECK(text_of(reader.buffered()) == "tail");
        reader.consume(4);
        CHECK(!reader.read_until("---"));
    }

    TEST_CASE("read_until counts the limit without the delimiter") {
        for (const std::size_t size : {1U, 2U, 100U}) {
            ScriptedReader source{"1234\r\n\r\n5678"};
            BufReader reader(source, size);
            expect_both([&] { reader.read_until("\r\n\r\n", 3); },
                        [&] { return reader.read_until("\r\n\r\n", 3, std::nothrow); },
                        std::errc::message_size,
                        "read a part of at most 3 bytes: longer than allowed");
            CHECK(*reader.read_until("\r\n\r\n", 4) == "1234");
            CHECK(reader.read_until("\r\n\r\n", 3, std::nothrow).error().code() == Errc::too_long);
        }
    }

    TEST_CASE("an empty delimiter is misuse") {
        expect_misuse(
            [] {
                ScriptedReader source{"text"};
                BufReader(source).read_until("");
            },
            "read_until() was called with an empty delimiter");
    }

    TEST_CASE("peek shows what comes without taking it, and consume takes it") {
        ScriptedReader source{"GET", " /", "rest"};
        BufReader reader(source);
        CHECK(text_of(reader.peek()) == "GET");
        CHECK(text_of(reader.peek(3)) == "GET");
        CHECK(source.reads == 1);
        CHECK(text_of(reader.peek(4)) == "GET /");
        const std::byte* place = reader.peek(4).data();
        reader.consume(4);
        CHECK(reader.peek().data() == place + 4);  // nothing was moved
        CHECK(text_of(reader.peek(100)) == "/rest");
        CHECK(text_of(reader.buffered()) == "/rest");
        reader.consume(5);
        CHECK(reader.peek().empty());
    }

    TEST_CASE("peek makes the buffer as large as it must be, as bytes come") {
        ScriptedReader source{std::string(3000, 'a'), std::string(5000, 'b')};
        BufReader reader(source, 16);
        CHECK(reader.peek(6000).size() == 6000);
        CHECK(source.largest_read < 6000);
        CHECK(read_all(reader) == std::string(3000, 'a') + std::string(5000, 'b'));
    }

    TEST_CASE("peeking for one byte more each time moves them a few times, not each time") {
        constexpr std::size_t size = 100'000;
        ScriptedReader source{std::string(size, 'a')};
        BufReader reader(source, 16);
        int moves = 0;
        const std::byte* place = nullptr;
        for (std::size_t had = 0; had < size; had = reader.buffered().size()) {
            const std::byte* now = reader.peek(had + 1).data();
            moves += now != place ? 1 : 0;
            place = now;
        }
        CHECK(moves < 60);
    }

    TEST_CASE("taking more than there is is misuse") {
        expect_misuse(
            [] {
                ScriptedReader source{"text"};
                BufReader reader(source);
                static_cast<void>(reader.peek());
                reader.consume(5);
            },
            "consume() was asked for 5 bytes of a BufReader that has 4");
    }

    TEST_CASE("read_exactly in the buffer loses nothing when the stream ends") {
        ScriptedReader source{"ab", "cd", "efg"};
        BufReader reader(source);
        CHECK(text_of(reader.read_exactly(4)) == "abcd");
        CHECK(reader.read_exactly(0).empty());
        CHECK_THROWS_AS(reader.read_exactly(4), EndOfStream);
        expect_error(reader.read_exactly(4, std::nothrow), Errc::end_of_stream,
                     "read exactly: end of stream");
        CHECK(text_of(reader.read_exactly(3)) == "efg");
    }

    TEST_CASE("it is a Reader, which hands out what it has and lets large reads through") {
        ScriptedReader source{"one\ntwo", std::string(100, 'x'), "end"};
        BufReader reader(source, 32);
        CHECK(*reader.read_line() == "one");
        std::string buffer(100, '\0');
        CHECK(reader.read(writable(buffer)) == 3);
        CHECK(source.reads == 1);
        CHECK(reader.read(writable(buffer)) == 100);  // straight into the caller's memory
        CHECK(source.largest_read == 100);
        CHECK(reader.buffered().empty());
        CHECK(reader.read({}) == 0);
        reader.read_exactly(writable(buffer).first(3));
        CHECK(buffer.starts_with("endxx"));
        CHECK(reader.read(writable(buffer)) == 0);
    }

    TEST_CASE("errors of the source are passed on, and what came before them stays") {
        ScriptedReader source{"half a li", "ne\n"};
        BufReader reader(source);
        CHECK(reader.peek().size() == 9);
        source.fail(Error(std::make_error_code(std::errc::io_error), "read", "the tape"));
        expect_error(reader.read_line(std::nothrow), std::errc::io_error,
                     "read the tape: Input/output error");
        CHECK(*reader.read_line() == "half a line");
    }

    TEST_CASE("the end of the stream is asked for again, as files and terminals grow") {
        ScriptedReader source{"one\n"};
        BufReader reader(source);
        CHECK(*reader.read_line() == "one");
        CHECK(!reader.read_line());
        source.add("two\n");
        CHECK(*reader.read_line() == "two");
    }

    TEST_CASE("a cancelled read_line loses nothing of what has come") {
        run_in_loop([] {
            TcpPair pair;
            BufReader reader(pair.near);
            pair.far.write("first ha");
            Bystander waiting([&] { reader.read_line(); });
            waiting.cancel();
            CHECK(waiting.outcome() == "cancelled");
            CHECK(text_of(reader.buffered()) == "first ha");
            pair.far.write("lf\nsecond\n");
            CHECK(*reader.read_line() == "first half");
            CHECK(*reader.read_line() == "second");
        });
    }

    TEST_CASE("a second reader gets an Error while the first waits, and steals nothing from it") {
        run_in_loop([] {
            TcpPair pair;
            BufReader reader(pair.near);
            pair.far.write("ha");
            std::string line;
            Bystander first([&] { line = *reader.read_line(); });
            const char* text = "read a BufReader: resource busy or locked";
            std::string buffer(1, '\0');
            for (const std::error_code code :
                 {reader.read_line(std::nothrow).error().code(),
                  reader.read_until("x", 10, std::nothrow).error().code(),
                  reader.peek(1, std::nothrow).error().code(),
                  reader.read_exactly(1, std::nothrow).error().code()}) {
                CHECK(code == std::errc::device_or_resource_busy);
            }
            expect_both([&] { reader.read(writable(buffer)); },
                        [&] { return reader.read(writable(buffer), std::nothrow); },
                        std::errc::device_or_resource_busy, text);
            pair.far.write("lf\n");
            CHECK(first.outcome() == "");
            CHECK(line == "half");
        });
    }

    TEST_CASE("closing the stream ends a waiting read_line") {
        run_in_loop([] {
            TcpPair pair;
            BufReader reader(pair.near);
            Bystander waiting([&] { reader.read_line(); });
            pair.near.close();
            CHECK(waiting.outcome().ends_with(": closed"));
        });
    }

    TEST_CASE("lines of a file are one after the other, and a BufReader has the rest") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            std::string text;
            for (int i = 0; i < 10'000; ++i) {
                text += "line " + std::to_string(i) + "\n";
            }
            fs::write_file(directory / "log", text);
            File log = File::open(directory / "log");
            int count = 0;
            for (const std::string_view line : lines(log)) {
                CHECK_EQ(line, "line " + std::to_string(count));
                ++count;
            }
            CHECK(count == 10'000);

            File again = File::open(directory / "log");
            BufReader reader(again);
            for (const std::string_view line : lines(reader)) {
                if (line == "line 9998") {
                    break;
                }
            }
            CHECK(read_all(reader) == "line 9999\n");
        });
    }

    TEST_CASE("lines throws what read_line throws") {
        ScriptedReader source{"short\n", "a long one\n"};
        std::string seen;
        CHECK_THROWS_WITH_AS(
            [&] {
                for (const std::string_view line : lines(source, 5)) {
                    seen += line;
                }
            }(),
            "read a line of at most 5 bytes: longer than allowed", Error);
        CHECK(seen == "short");
    }
}

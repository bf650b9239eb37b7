// SPDX-License-Identifier: MIT
//
// Numbers in bytes (byte_order.hpp) and in digits (text.hpp).
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <coloop/byte_order.hpp>
#include <coloop/memory.hpp>
#include <coloop/text.hpp>

#include "support/expect_error.hpp"
#include "support/scripted_stream.hpp"

using namespace coloop;
using namespace std::string_view_literals;

namespace {

template <typename Write>
std::string written(Write write) {
    MemoryWriter writer;
    write(writer);
    return writer.take();
}

/// Checks that a number survives both orders.
template <typename T>
void check_both(T value) {
    CHECK(load_be<T>(store_be<T>(value)) == value);
    CHECK(load_le<T>(store_le<T>(value)) == value);
    MemoryWriter writer;
    write_be<T>(writer, value);
    write_le<T>(writer, value, std::nothrow).value();
    CHECK(writer.text().size() == 2 * sizeof(T));
    MemoryReader reader(writer.bytes());
    CHECK(read_be<T>(reader) == value);
    CHECK(read_le<T>(reader, std::nothrow).value() == value);
    CHECK(reader.rest().empty());
}

template <typename T>
void check_limits() {
    check_both<T>(0);
    check_both<T>(1);
    check_both<T>(std::numeric_limits<T>::lowest());
    check_both<T>(std::numeric_limits<T>::max());
}

}  // namespace

TEST_SUITE("byte order") {
    TEST_CASE("big-endian begins with what counts most, little-endian with what counts least") {
        CHECK(written([](Writer& to) { write_be<std::uint32_t>(to, 0x01020304); }) == "\1\2\3\4"sv);
        CHECK(written([](Writer& to) { write_le<std::uint32_t>(to, 0x01020304); }) == "\4\3\2\1"sv);
        CHECK(written([](Writer& to) { write_be<std::int16_t>(to, -2); }) == "\xff\xfe"sv);
        CHECK(written([](Writer& to) { write_be<std::uint8_t>(to, 7); }) == "\7"sv);
        CHECK(written([](Writer& to) { write_le<std::uint64_t>(to, 1); }) == "\1\0\0\0\0\0\0\0"sv);
        CHECK(written([](Writer& to) { write_be<float>(to, 1.0F); }) == "\x3f\x80\0\0"sv);
        CHECK(written([](Writer& to) { write_be<double>(to, -2.0); }) == "\xc0\0\0\0\0\0\0\0"sv);
    }

    TEST_CASE("what is written is read again, for every type and at its limits") {
        check_limits<std::uint8_t>();
        check_limits<std::int8_t>();
        check_limits<std::uint16_t>();
        check_limits<std::int16_t>();
        check_limits<std::uint32_t>();
        check_limits<std::int32_t>();
        check_limits<std::uint64_t>();
        check_limits<std::int64_t>();
        check_limits<float>();
        check_limits<double>();
        CHECK(std::isnan(load_be<double>(store_be<double>(std::nan("")))));
    }

    TEST_CASE("it is known while compiling") {
        static_assert(load_be<std::uint16_t>(store_le<std::uint16_t>(0x1234)) == 0x3412);
        CHECK(load_le<std::uint16_t>(store_be<std::uint16_t>(0x1234)) == 0x3412);
    }

    TEST_CASE("too few bytes are the end of the stream, in both forms") {
        MemoryReader three("abc"sv);
        CHECK_THROWS_AS(static_cast<void>(read_be<std::uint32_t>(three)), EndOfStream);
        MemoryReader none(""sv);
        expect_error(read_le<std::uint8_t>(none, std::nothrow), Errc::end_of_stream,
                     "read exactly: end of stream");
    }

    TEST_CASE("a writer's failure is passed on, in both forms") {
        KeepingWriter full;
        full.failure = Error(std::make_error_code(std::errc::no_space_on_device), "write", "it");
        const std::string text = "write it: No space left on device";
        expect_both([&] { write_be<int>(full, 1); },
                    [&] { return write_be<int>(full, 1, std::nothrow); },
                    std::errc::no_space_on_device, text);
        expect_both([&] { write_le<int>(full, 1); },
                    [&] { return write_le<int>(full, 1, std::nothrow); },
                    std::errc::no_space_on_device, text);
        expect_both([&] { write_decimal(full, 1); },
                    [&] { return write_decimal(full, 1, std::nothrow); },
                    std::errc::no_space_on_device, text);
        expect_both([&] { write_hex(full, 1); }, [&] { return write_hex(full, 1, std::nothrow); },
                    std::errc::no_space_on_device, text);
    }
}

TEST_SUITE("text") {
    TEST_CASE("numbers are written in digits") {
        CHECK(written([](Writer& to) { write_decimal(to, 0); }) == "0");
        CHECK(written([](Writer& to) {
                  write_decimal(to, std::numeric_limits<std::int64_t>::min());
              }) == "-9223372036854775808");
        CHECK(written([](Writer& to) {
                  write_decimal(to, std::numeric_limits<std::uint64_t>::max());
              }) == "18446744073709551615");
        CHECK(written([](Writer& to) { write_hex(to, 0xbeefU); }) == "beef");
        CHECK(written([](Writer& to) {
                  write_hex(to, std::numeric_limits<std::int64_t>::min());
              }) == "-8000000000000000");
    }

    TEST_CASE("a number is parsed only if the whole text is one that fits") {
        CHECK(parse_decimal<std::uint16_t>("65535") == 65535);
        CHECK(parse_decimal<int>("-12") == -12);
        CHECK(parse_decimal<int>("007") == 7);
        for (const char* text : {"", " 1", "1 ", "+1", "-1", "1.0", "65536", "0x1", "1a"}) {
            CAPTURE(text);
            CHECK(!parse_decimal<std::uint16_t>(text));
        }
        CHECK(!parse_decimal<int>("1\0"sv));
        CHECK(parse_hex<std::uint32_t>("FFFFffff") == 0xffffffff);
        for (const char* text : {"", "0x1", "g", "100000000", "-1"}) {
            CAPTURE(text);
            CHECK(!parse_hex<std::uint32_t>(text));
        }
    }
}

TEST_SUITE("memory") {
    TEST_CASE("a MemoryReader hands out its bytes and then ends, again and again") {
        MemoryReader reader("text"sv);
        std::array<std::byte, 3> buffer;
        CHECK(reader.read({}) == 0);
        CHECK(reader.read(buffer) == 3);
        CHECK(reader.rest().size() == 1);
        CHECK(reader.read(buffer) == 1);
        CHECK(buffer[0] == std::byte{'t'});
        CHECK(reader.read(buffer) == 0);
        CHECK(reader.read(buffer) == 0);
    }

    TEST_CASE("a MemoryWriter keeps what it is given, and gives it away") {
        MemoryWriter writer;
        writer.write("one "sv);
        const std::span<const std::byte> pieces[] = {std::as_bytes(std::span("two", 3)), {}};
        writer.write(pieces);
        CHECK(writer.text() == "one two");
        CHECK(writer.bytes().size() == 7);
        CHECK(writer.take() == "one two");
        CHECK(writer.text() == "");
        writer.write("three"sv);
        writer.clear();
        CHECK(writer.text() == "");
    }

    TEST_CASE("without memory a MemoryWriter keeps what it had, and says so in both forms") {
        MemoryWriter writer;
        writer.write("text"sv);
        // More than any string can have, of bytes that nobody looks at.
        const std::span<const std::byte> huge(reinterpret_cast<const std::byte*>(&writer),
                                              std::numeric_limits<std::ptrdiff_t>::max());
        expect_both([&] { writer.write(huge); }, [&] { return writer.write(huge, std::nothrow); },
                    std::errc::not_enough_memory, "write to memory: not enough memory");
        CHECK(writer.text() == "text");
    }
}

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

TEST_SUITE("BufWriter") {
    TEST_CASE("small writes reach the target together, when they are flushed") {
        run_in_loop([] {
            KeepingWriter target;
            BufWriter writer(target);
            writer.write("one ");
            writer.write("two ");
            const std::span<const std::byte> pieces[] = {bytes("three "), {}, bytes("four")};
            writer.write(pieces);
            CHECK(writer.buffered() == 18);
            CHECK(target.writes == 0);
            writer.flush();
            CHECK(target.text == "one two three four");
            CHECK(target.writes == 1);
            CHECK(writer.buffered() == 0);
            writer.flush();
            CHECK(target.writes == 1);
        });
    }

    TEST_CASE("a write for which there is no room goes on with all before it, in one write") {
        run_in_loop([] {
            KeepingWriter target;
            BufWriter writer(target, 8);
            writer.write("12345678");
            CHECK(target.writes == 0);
            writer.write("9");
            CHECK(target.text == "123456789");
            CHECK(target.writes == 1);
            writer.write("a much longer one");
            CHECK(target.text == "123456789a much longer one");
            CHECK(target.writes == 2);
            CHECK(writer.buffered() == 0);
        });
    }

    TEST_CASE("so many pieces that they need a second write keep their order") {
        run_in_loop([] {
            KeepingWriter target;
            BufWriter writer(target, 4);
            writer.write("ab");
            const std::vector<std::span<const std::byte>> pieces(100, bytes("cd"));
            writer.write(pieces);
            writer.write("e");
            writer.flush();
            std::string expected = "ab";
            for (int i = 0; i < 100; ++i) {
                expected += "cd";
            }
            CHECK(target.text == expected + "e");
        });
    }

    TEST_CASE("what was not flushed is thrown away with it") {
        run_in_loop([] {
            KeepingWriter target;
            {
                BufWriter writer(target);
                writer.write("lost");
                CHECK(writer.buffered() == 4);
            }
            CHECK_THROWS_AS(
                [&] {
                    BufWriter writer(target);
                    writer.write("lost");
                    throw std::bad_alloc();
                }(),
                std::bad_alloc);
            CHECK(target.writes == 0);
        });
    }

    TEST_CASE("several writers take turns, and each write is whole") {
        run_in_loop([] {
            TcpPair pair;
            BufWriter writer(pair.near, 1000);
            std::string expected;
            TaskGroup group;
            for (char letter = 'a'; letter <= 'd'; ++letter) {
                group.spawn([&writer, letter] {
                    for (int i = 0; i < 50; ++i) {
                        writer.write(std::string(300'000, letter));
                    }
                });
            }
            group.spawn([&] {
                std::string piece(300'000, '\0');
                for (int i = 0; i < 4 * 50; ++i) {
                    pair.far.read_exactly(writable(piece));
                    REQUIRE(piece.find_first_not_of(piece.front()) == std::string::npos);
                }
            });
            group.wait();
        });
    }

    TEST_CASE("after a failure each write and flush fails the same way, and nothing is kept") {
        run_in_loop([] {
            KeepingWriter target;
            BufWriter writer(target, 8);
            writer.write("text");
            const std::string words = "write the tape: No space left on device";
            target.failure =
                Error(std::make_error_code(std::errc::no_space_on_device), "write", "the tape");
            expect_both([&] { writer.flush(); }, [&] { return writer.flush(std::nothrow); },
                        std::errc::no_space_on_device, words);
            CHECK(writer.buffered() == 0);
            expect_both([&] { writer.write("more"); },
                        [&] { return writer.write("more", std::nothrow); },
                        std::errc::no_space_on_device, words);
            CHECK(target.writes == 1);
        });
    }

    TEST_CASE("a full disk is reported by the flush") {
        run_in_loop([] {
            File full = File::open("/dev/full", OpenMode::write);
            BufWriter writer(full);
            writer.write("text");
            CHECK_THROWS_WITH_AS(writer.flush(), "write /dev/full: no space left on device", Error);
        });
    }

    TEST_CASE("a write or flush that begins cancelled changes nothing") {
        run_in_loop([] {
            KeepingWriter target;
            BufWriter writer(target, 8);
            writer.write("before");
            CancelScope scope;
            scope.cancel();
            CHECK_THROWS_AS(writer.write("too long for it"), Cancelled);
            CHECK_THROWS_AS(writer.write("ok"), Cancelled);
            expect_error(writer.write("ok", std::nothrow), Errc::cancelled,
                         "write a BufWriter: cancelled");
            CHECK_THROWS_AS(writer.flush(), Cancelled);
            expect_error(writer.flush(std::nothrow), Errc::cancelled,
                         "flush a BufWriter: cancelled");
            CHECK(writer.buffered() == 6);
            CHECK(target.writes == 0);
            const CancelScope shield(CancelScope::Kind::shield);
            writer.flush();
            CHECK(target.text == "before");
        });
    }

    TEST_CASE("one that is cancelled while it waits for its turn changes nothing either") {
        run_in_loop([] {
            TcpPair pair;
            BufWriter writer(pair.near, 8);
            fill(pair.near);
            Bystander first([&] { writer.write("too long for the buffer"); });
            Bystander second([&] { writer.write("b"); });
            CHECK(!first.ended());
            second.cancel();
            CHECK(second.outcome() == "cancelled");
            first.cancel();
            CHECK(first.outcome() == "cancelled");
        });
    }

    TEST_CASE("a flush that is cancelled on the way leaves a writer that is closed") {
        run_in_loop([] {
            TcpPair pair;
            BufWriter writer(pair.near);
            writer.write("text");
            fill(pair.near);
            Bystander flushing([&] { writer.flush(); });
            CHECK(!flushing.ended());
            flushing.cancel();
            CHECK(flushing.outcome() == "cancelled");
            expect_error(writer.write("more", std::nothrow), Errc::closed,
                         "write a BufWriter whose last write was cancelled: closed");
        });
    }

    TEST_CASE("closing the stream ends a waiting flush") {
        run_in_loop([] {
            TcpPair pair;
            BufWriter writer(pair.near);
            writer.write("text");
            fill(pair.near);
            Bystander flushing([&] { writer.flush(); });
            pair.near.close();
            CHECK(flushing.outcome().ends_with(": closed"));
        });
    }

    TEST_CASE("used outside a coroutine it is misuse") {
        expect_misuse(
            [] {
                KeepingWriter target;
                BufWriter(target).write("text");
            },
            "lock a mutex: called outside a coroutine");
    }
}

// SPDX-License-Identifier: MIT
#include <cstdint>
#include <string>
#include <vector>

#include <uv.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/pool.hpp"
#include "support/run_in_loop.hpp"
#include "support/scripted_stream.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

std::string read_all(Reader& reader) {
    std::string all;
    std::string buffer(60'000, '\0');
    while (const std::size_t count = reader.read(writable(buffer))) {
        all.append(buffer, 0, count);
    }
    return all;
}

/// Copies from a file with this text to a connection whose peer reads all.
std::string sent_from_file(const std::string& path, const CopyOptions& options = {}) {
    TcpPair pair;
    std::string got;
    Bystander receiver([&] { got = read_all(pair.far); });
    File file = File::open(path);
    copy(file, pair.near, options);
    pair.near.shutdown_write();
    CHECK(receiver.outcome() == "");
    return got;
}

}  // namespace

TEST_SUITE("copy") {
    TEST_CASE("whatever can be read goes to whatever can be written, and is counted") {
        run_in_loop([] {
            ScriptedReader source{"one ", std::string(200'000, 'x'), " end"};
            KeepingWriter target;
            std::uint64_t copied = 1;
            std::vector<std::uint64_t> steps;
            CHECK(copy(source, target, {.copied = &copied, .progress = [&](std::uint64_t so_far) {
                                            CHECK(so_far == copied);
                                            steps.push_back(so_far);
                                        }}) == 200'008);
            CHECK(target.text == "one " + std::string(200'000, 'x') + " end");
            CHECK(copied == 200'008);
            CHECK(steps.front() == 4);
            CHECK(steps.back() == 200'008);
            CHECK(copy(source, target, {.copied = &copied}) == 0);
            CHECK(copied == 0);
        });
    }

    TEST_CASE("no more is taken than was asked for") {
        run_in_loop([] {
            ScriptedReader source{"0123456789"};
            KeepingWriter target;
            CHECK(copy(source, target, {.most = 4}) == 4);
            CHECK(copy(source, target, {.most = 0}) == 0);
            CHECK(copy(source, target, {.most = 100}) == 6);
            CHECK(target.text == "0123456789");
        });
    }

    TEST_CASE("an Error is that of reading or writing, with how much was copied") {
        run_in_loop([] {
            const auto broken = std::make_error_code(std::errc::io_error);
            for (const bool after_some : {false, true}) {
                const std::string text = after_some ? " after 4 bytes" : "";
                ScriptedReader source{};
                KeepingWriter target;
                const auto prepare = [&] {
                    if (after_some) {
                        source.add("text");
                    }
                    source.fail_after(after_some ? 1 : 0, Error(broken, "read", "the tape"));
                };
                expect_both(
                    [&] {
                        prepare();
                        copy(source, target);
                    },
                    [&] {
                        prepare();
                        return coloop::copy(source, target, std::nothrow);
                    },
                    std::errc::io_error, "read the tape" + text + ": Input/output error");
            }
            ScriptedReader source{"one", "two", "three"};
            KeepingWriter target;
            target.before_write = [&] {
                if (target.writes == 2) {
                    target.failure = Error(broken, "write", "the tape");
                }
            };
            std::uint64_t copied = 0;
            CopyEnd failed = CopyEnd::neither;
            expect_error(copy(source, target, {.copied = &copied, .failed = &failed}, std::nothrow),
                         std::errc::io_error, "write the tape after 6 bytes: Input/output error");
            CHECK(copied == 6);
            CHECK(failed == CopyEnd::writer);
            source.fail_after(0, Error(broken, "read", "the tape"));
            CHECK_FALSE(copy(source, target, {.failed = &failed}, std::nothrow));
            CHECK(failed == CopyEnd::reader);
        });
    }

    TEST_CASE("from file to file everything comes over, from one position to the other") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string text = pattern(3'000'000);
            fs::write_file(directory / "from", text);
            File from = File::open(directory / "from");
            File to = File::create(directory / "to");
            std::string buffer(10, '\0');
            from.read_exactly(writable(buffer));
            to.write("head ");
            CHECK(copy(from, to, {.most = 1'000'000}) == 1'000'000);
            from.read_exactly(writable(buffer));
            CHECK(buffer == text.substr(1'000'010, 10));
            to.write(" middle ");
            CHECK(copy(from, to) == 1'999'980);
            CHECK(from.read(writable(buffer)) == 0);
            to.write(" end");
            CHECK((fs::read_file(directory / "to") == "head " + text.substr(10, 1'000'000) +
                                                          " middle " + text.substr(1'000'020) +
                                                          " end"));
            CHECK(copy(from, to) == 0);
        });
    }

    TEST_CASE("files that the kernel can't copy come over all the same") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File odd = File::open("/proc/self/status");
            File to = File::create(directory / "status");
            copy(odd, to);
            CHECK(fs::read_file(directory / "status").starts_with("Name:"));
            fs::write_file(directory / "from", "more");
            File from = File::open(directory / "from");
            File appended = File::open(directory / "status", OpenMode::append);
            copy(from, appended);
            CHECK(fs::read_file(directory / "status").ends_with("more"));
            File null = File::open("/dev/null", OpenMode::write);
            File again = File::open(directory / "from");
            CHECK(copy(again, null) == 4);
            CHECK(sent_from_file("/proc/self/status").starts_with("Name:"));
        });
    }

    TEST_CASE("errors of files are those of reading and writing") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "from", pattern(100'000));
            File full = File::open("/dev/full", OpenMode::write);
            File from = File::open(directory / "from");
            expect_both([&] { copy(from, full); }, [&] { return copy(from, full, std::nothrow); },
                        std::errc::no_space_on_device, "write /dev/full: no space left on device");
            File only_read = File::open(directory / "from");
            File to = File::open(directory / "from");
            CHECK(coloop::copy(only_read, to, std::nothrow).error().code() ==
                  std::errc::bad_file_descriptor);
            File itself = File::open(directory.path());
            expect_error(coloop::copy(itself, full, std::nothrow), std::errc::is_a_directory,
                         "read " + directory.path() + ": illegal operation on a directory");
            File closed;
            expect_error(coloop::copy(closed, full, std::nothrow), Errc::closed,
                         "read a File that is not open: closed");
            File another = File::open(directory / "from");
            expect_error(coloop::copy(another, closed, std::nothrow), Errc::closed,
                         "write a File that is not open: closed");
        });
    }

    TEST_CASE("a file goes to a connection whole, from its position on, whatever its size") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            for (const std::size_t size : {0U, 1U, 65'535U, 65'536U, 65'537U, 5'000'000U}) {
                fs::write_file(directory / "from", pattern(size));
                CHECK((sent_from_file(directory / "from") == pattern(size)));
            }
            std::uint64_t copied = 0;
            CHECK((sent_from_file(directory / "from", {.most = 3'000'000, .copied = &copied}) ==
                   pattern(3'000'000)));
            CHECK(copied == 3'000'000);

            TcpPair pair;
            File file = File::open(directory / "from");
            std::string buffer(100, '\0');
            file.read_exactly(writable(buffer));
            Bystander receiver([&] {
                std::string part(1'000'000, '\0');
                pair.far.read_exactly(writable(part));
                CHECK((part == pattern(5'000'000).substr(100, 1'000'000)));
            });
            copy(file, pair.near, {.most = 1'000'000});
            CHECK(receiver.outcome() == "");
            file.read_exactly(writable(buffer));
            CHECK(buffer == pattern(5'000'000).substr(1'000'100, 100));
            pair.near.close();
            pair.far.close();
            file.close();
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("a slow receiver makes the sending of a file wait, and a reset ends it") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "from", "");
            File file = File::open(directory / "from", OpenMode::read_write);
            file.truncate(100'000'000);
            HalfPair pair;
            std::uint64_t copied = 0;
            Bystander sending([&] { copy(file, pair.near, {.copied = &copied}); });
            while (copied == 0) {
                let_others_run();
            }
            const std::string peer = pair.near.peer_address().to_string();
            Bystander other([&] { pair.near.write("in turn"); });
            pair.far.reset();
            const std::string outcome = sending.outcome();
            CHECK(outcome.starts_with("write " + peer + " after "));
            CHECK((outcome.ends_with(" bytes: connection reset by peer") ||
                   outcome.ends_with(" bytes: broken pipe")));
            CHECK(copied < 100'000'000);
            static_cast<void>(other.outcome());  // it came in between, or heard of the reset
        });
    }

    TEST_CASE("a cancelled sending of a file ends, and one that waits for a thread at once") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            fs::write_file(directory / "from", "");
            File file = File::open(directory / "from", OpenMode::read_write);
            file.truncate(100'000'000);
            {
                TcpPair pair;
                CancelScope scope;
                scope.cancel();
                CHECK_THROWS_AS(copy(file, pair.near), Cancelled);
            }
            {
                TcpPair pair;
                const BusyPool busy;
                Bystander sending([&] { copy(file, pair.near); });
                sending.cancel();
                CHECK(sending.outcome() == "cancelled");
            }
            {
                HalfPair pair;
                std::uint64_t copied = 0;
                Bystander sending([&] { copy(file, pair.near, {.copied = &copied}); });
                while (copied == 0) {
                    let_others_run();
                }
                sending.cancel();
                CHECK(sending.outcome() == "cancelled");
                CHECK(copied < 100'000'000);
            }
            file.close();
            let_others_run();
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("closing the connection or the file ends the copying") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "from", "");
            for (const bool connection : {false, true}) {
                File file = File::open(directory / "from", OpenMode::read_write);
                file.truncate(100'000'000);
                HalfPair pair;
                std::uint64_t copied = 0;
                Bystander sending([&] { copy(file, pair.near, {.copied = &copied}); });
                while (copied == 0) {
                    let_others_run();
                }
                if (connection) {
                    pair.near.close();
                } else {
                    file.close();
                    pair.far.reset();  // it may wait to write what it has read
                }
                CHECK(sending.outcome() != "");
                CHECK(copied < 100'000'000);
            }
        });
    }

    TEST_CASE("a file that is read or copied from gives others an Error") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "from", "");
            File file = File::open(directory / "from", OpenMode::read_write);
            file.truncate(100'000'000);
            HalfPair pair;
            std::uint64_t copied = 0;
            Bystander sending([&] { copy(file, pair.near, {.copied = &copied}); });
            while (copied == 0) {
                let_others_run();
            }
            KeepingWriter target;
            const std::string text = "read " + (directory / "from") + ": resource busy or locked";
            expect_both([&] { copy(file, target); },
                        [&] { return coloop::copy(file, target, std::nothrow); },
                        std::errc::device_or_resource_busy, text);
            File other = File::create(directory / "to");
            expect_error(coloop::copy(file, other, std::nothrow),
                         std::errc::device_or_resource_busy, text);
            sending.cancel();
            CHECK(sending.outcome() == "cancelled");
        });
    }

    TEST_CASE("a connection is passed on to another one, whatever its pieces, until it ends") {
        run_in_loop([] {
            const std::size_t before = open_descriptors();
            {
                const std::vector<std::byte> bytes = random_bytes(5'000'000);
                TcpPair in;
                TcpPair out;
                Bystander passing([&] {
                    CHECK(copy(in.far, out.near) == bytes.size());
                    out.near.shutdown_write();
                });
                std::string got;
                Bystander receiving([&] { got = read_all(out.far); });
                in.near.write(std::span(bytes).first(10));
                let_others_run();
                in.near.write(std::span(bytes).subspan(10));
                in.near.shutdown_write();
                CHECK(receiving.outcome() == "");
                CHECK(passing.outcome() == "");
                CHECK((got == std::string_view(reinterpret_cast<const char*>(bytes.data()),
                                               bytes.size())));
            }
            let_others_run();
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("no more is passed on than was asked for, and the rest can be read") {
        run_in_loop([] {
            TcpPair in;
            TcpPair out;
            const std::string text = pattern(1'000'000);
            Bystander writing([&] {
                in.near.write(text);
                in.near.shutdown_write();
            });
            Bystander receiving([&] {
                std::string part(700'000, '\0');
                out.far.read_exactly(writable(part));
                CHECK((part == text.substr(0, 700'000)));
            });
            CHECK(copy(in.far, out.near, {.most = 700'000}) == 700'000);
            CHECK(receiving.outcome() == "");
            CHECK((read_all(in.far) == text.substr(700'000)));
            CHECK(writing.outcome() == "");
        });
    }

    TEST_CASE("a slow receiver makes the passing on wait, and cancelling ends it") {
        run_in_loop([] {
            const std::size_t before = open_descriptors();
            {
                TcpPair in;
                HalfPair out;
                std::uint64_t copied = 0;
                Bystander passing([&] { copy(in.far, out.near, {.copied = &copied}); });
                Bystander writing([&] { in.near.write(std::string(100'000'000, 'x')); });
                std::uint64_t last = 1;
                while (copied != last) {  // until nothing goes on
                    last = copied;
                    let_others_run(10);
                }
                CHECK(!writing.ended());
                passing.cancel();
                CHECK(passing.outcome() == "cancelled");
                CHECK(copied < 100'000'000);
                writing.cancel();
                CHECK(writing.outcome() == "cancelled");
            }
            let_others_run();
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("resets of either side end the passing on, and say whose it was") {
        run_in_loop([] {
            {
                HalfPair in;
                TcpPair out;
                const std::string peer = in.near.peer_address().to_string();
                std::uint64_t copied = 0;
                CopyEnd failed = CopyEnd::writer;
                Bystander passing(
                    [&] { copy(in.near, out.near, {.copied = &copied, .failed = &failed}); });
                in.far.send("text");
                while (copied == 0) {
                    let_others_run();
                }
                in.far.reset();
                CHECK(passing.outcome() ==
                      "read " + peer + " after 4 bytes: connection reset by peer");
                CHECK(failed == CopyEnd::reader);
            }
            {
                TcpPair in;
                HalfPair out;
                const std::string peer = out.near.peer_address().to_string();
                out.far.reset();
                CopyEnd failed = CopyEnd::neither;
                Bystander passing([&] { copy(in.far, out.near, {.failed = &failed}); });
                Bystander writing([&] { in.near.write(std::string(10'000'000, 'x')); });
                CHECK(passing.outcome().starts_with("write " + peer));
                CHECK(failed == CopyEnd::writer);
                writing.cancel();
                CHECK(writing.outcome() == "cancelled");
            }
        });
    }

    TEST_CASE("connections that wait for their peers share what passing on takes") {
        run_in_loop([] {
            constexpr std::size_t count = 20;
            std::array<TcpPair, count> ins;
            std::array<TcpPair, count> outs;
            const std::size_t before = open_descriptors();
            {
                TaskGroup group;
                for (std::size_t i = 0; i < count; ++i) {
                    group.spawn([&, i] { copy(ins[i].far, outs[i].near); });
                    group.spawn([&, i] { ins[i].near.write(pattern(500'000)); });
                    std::string got(500'000, '\0');
                    outs[i].far.read_exactly(writable(got));
                    CHECK(got == pattern(500'000));
                }
                CHECK(open_descriptors() <= before + 2);  // a pipe
            }
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("from a connection to a file, and to itself, everything comes over") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            TcpPair pair;
            const std::string text = pattern(1'000'000);
            Bystander writing([&] {
                pair.far.write(text);
                pair.far.shutdown_write();
            });
            File file = File::create(directory / "to");
            CHECK(copy(pair.near, file) == text.size());
            CHECK((fs::read_file(directory / "to") == text));
            CHECK(writing.outcome() == "");

            TcpPair echo;
            Bystander echoing([&] {
                copy(echo.far, echo.far);
                echo.far.shutdown_write();
            });
            Bystander asking([&] {
                echo.near.write(text);
                echo.near.shutdown_write();
            });
            CHECK((read_all(echo.near) == text));
        });
    }

    TEST_CASE("outside a coroutine it is misuse") {
        expect_misuse(
            [] {
                ScriptedReader source{"text"};
                KeepingWriter target;
                copy(source, target);
            },
            "cannot copy outside a coroutine");
    }
}

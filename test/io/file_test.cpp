// SPDX-License-Identifier: MIT
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <coloop/coloop.hpp>

#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/pool.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;
using namespace std::chrono_literals;

namespace {

std::string read_all(Reader& reader, std::size_t at_once = 4096) {
    std::string all;
    std::string buffer(at_once, '\0');
    while (const std::size_t count = reader.read(writable(buffer))) {
        all.append(buffer, 0, count);
    }
    return all;
}

/// Checks that opening fails, in both forms alike.
void expect_open_error(const std::string& path, OpenMode mode, std::errc reason, const char* text) {
    CAPTURE(path);
    const std::string what = "open " + path + ": " + text;
    const Result<File> file = File::open(path, mode, std::nothrow);
    REQUIRE(!file);
    CHECK(file.error().code() == reason);
    CHECK(file.error().what() == what);
    CHECK_THROWS_WITH_AS(static_cast<void>(File::open(path, mode)), what.c_str(), Error);
}

}  // namespace

TEST_SUITE("File") {
    TEST_CASE("what was written is read back, zero bytes too") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string text = pattern(100'000);
            File file = File::create(directory / "file");
            CHECK(file.is_open());
            CHECK(file.name() == directory / "file");
            file.write(std::string_view(text).substr(0, 60'000));
            file.write(std::string_view(text).substr(60'000));
            file.close();
            CHECK(!file.is_open());
            file = File::open(directory / "file");
            CHECK(read_all(file) == text);
        });
    }

    TEST_CASE("read returns 0 at the end, and again, and what is appended later") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File writer = File::create(directory / "file");
            File reader = File::open(directory / "file");
            std::string buffer(8, '\0');
            CHECK(reader.read(writable(buffer)) == 0);
            CHECK(reader.read(writable(buffer)) == 0);
            writer.write("later");
            CHECK(reader.read(writable(buffer)) == 5);
            CHECK(reader.read(writable(buffer)) == 0);
        });
    }

    TEST_CASE("read_exactly throws EndOfStream if there is less") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "file", "12345");
            File file = File::open(directory / "file");
            std::string buffer(4, '\0');
            file.read_exactly(writable(buffer));
            CHECK(buffer == "1234");
            CHECK_THROWS_AS(file.read_exactly(writable(buffer)), EndOfStream);
        });
    }

    TEST_CASE("read_at and write_at leave the position alone") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File file = File::open(directory / "file", OpenMode::read_write | OpenMode::create);
            file.write("0123456789");
            file.write_at(bytes("AB"), 3);
            file.write("!");
            std::string buffer(4, '\0');
            CHECK(file.read(writable(buffer)) == 0);
            CHECK(file.read_at(writable(buffer), 2) == 4);
            CHECK(buffer == "2AB5");
            CHECK(file.read_at(writable(buffer), 9) == 2);
            CHECK(buffer.substr(0, 2) == "9!");
            CHECK(file.read_at(writable(buffer), 11) == 0);
            CHECK(file.read_at(writable(buffer), 1'000'000) == 0);
        });
    }

    TEST_CASE("writing behind the end fills the gap with zeros") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File file = File::create(directory / "file");
            file.write_at(bytes("end"), 5);
            CHECK(fs::read_file(directory / "file") == std::string(5, '\0') + "end");
        });
    }

    TEST_CASE("how a file is opened decides what becomes of what is there") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string path = directory / "file";
            const auto after_writing = [&](OpenMode mode) {
                fs::write_file(path, "before");
                File::open(path, mode).write("X");
                return fs::read_file(path);
            };
            CHECK(after_writing(OpenMode::write) == "Xefore");
            CHECK(after_writing(OpenMode::read_write) == "Xefore");
            CHECK(after_writing(OpenMode::write | OpenMode::create) == "Xefore");
            CHECK(after_writing(OpenMode::append) == "beforeX");
            CHECK(after_writing(OpenMode::read | OpenMode::append) == "beforeX");
            CHECK(after_writing(OpenMode::write | OpenMode::truncate) == "X");
            expect_open_error(path, OpenMode::write | OpenMode::exclusive, std::errc::file_exists,
                              "file already exists");
            fs::unlink(path);
            File::open(path, OpenMode::write | OpenMode::exclusive).write("new");
            CHECK(fs::read_file(path) == "new");
        });
    }

    TEST_CASE("a new file has the permissions asked for, less the umask") {
        const TemporaryDirectory directory;
        const mode_t before = umask(027);
        run_in_loop([&] {
            const auto mode = OpenMode::write | OpenMode::create;
            CHECK(File::open(directory / "a", mode).stat().permissions == 0640);
            CHECK(File::open(directory / "b", mode, 0777).stat().permissions == 0750);
        });
        umask(before);
    }

    TEST_CASE("child processes do not inherit it") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const File file = File::create(directory / "file");
            const int descriptor = static_cast<int>(file.native_handle());
            CHECK((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
        });
    }

    TEST_CASE("errors name the operation, the file and the reason, in both forms") {
        const TemporaryDirectory directory;
        const std::string loop = directory / "loop";
        REQUIRE(symlink(loop.c_str(), loop.c_str()) == 0);
        run_in_loop([&] {
            fs::write_file(directory / "file", "text");
            const std::string zero = (directory / "file") + '\0' + "more";
            expect_open_error("/etc/nothere", OpenMode::read, std::errc::no_such_file_or_directory,
                              "no such file or directory");
            expect_open_error(directory.path(), OpenMode::write, std::errc::is_a_directory,
                              "illegal operation on a directory");
            expect_open_error(directory / "file/below", OpenMode::read, std::errc::not_a_directory,
                              "not a directory");
            expect_open_error(loop, OpenMode::read, std::errc::too_many_symbolic_link_levels,
                              "too many symbolic links encountered");
            expect_open_error(directory / std::string(300, 'x'), OpenMode::read,
                              std::errc::filename_too_long, "name too long");
            const Result<File> cut = File::open(zero, std::nothrow);
            REQUIRE(!cut);
            CHECK(cut.error().code() == std::errc::invalid_argument);
            const Result<File> nameless = File::open("", std::nothrow);
            REQUIRE(!nameless);
            CHECK(nameless.error().what() == std::string("open: no such file or directory"));
        });
    }

    TEST_CASE("reading a directory is an error of the read") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File file = File::open(directory.path());
            std::string buffer(8, '\0');
            CHECK_THROWS_WITH_AS(
                file.read(writable(buffer)),
                ("read " + directory.path() + ": illegal operation on a directory").c_str(), Error);
        });
    }

    TEST_CASE("a full disk is an error of the write") {
        run_in_loop([] {
            File full = File::open("/dev/full", OpenMode::write);
            const Result<void> written = full.write("text", std::nothrow);
            REQUIRE(!written);
            CHECK(written.error().code() == std::errc::no_space_on_device);
            CHECK(written.error().what() ==
                  std::string("write /dev/full: no space left on device"));
            CHECK_THROWS_AS(full.write_at(bytes("text"), 0), Error);
        });
    }

    TEST_CASE("what the mode does not allow is an error") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File writer = File::create(directory / "file");
            File reader = File::open(directory / "file");
            std::string buffer(8, '\0');
            CHECK(reader.write("x", std::nothrow).error().code() == std::errc::bad_file_descriptor);
            CHECK(writer.read(writable(buffer), std::nothrow).error().code() ==
                  std::errc::bad_file_descriptor);
        });
    }

    TEST_CASE("a write that takes several requests is whole") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string text = pattern((std::size_t{33} << 20) + 5);
            File file = File::open(directory / "file", OpenMode::read_write | OpenMode::create);
            file.write(text);
            CHECK(file.stat().size == text.size());
            std::string back(text.size() + 100, '\0');
            CHECK(file.read_at(writable(back), 0) == text.size());
            back.resize(text.size());
            CHECK(back == text);
            file.write_at(bytes(text), 7);
            std::string tail(100, '\0');
            CHECK(file.read_at(writable(tail), text.size() - 93) == 100);
            CHECK(tail == text.substr(text.size() - 100));
        });
    }

    TEST_CASE("thousands of pieces are written in order, and read in order") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string text = pattern(20'000);
            std::vector<std::span<const std::byte>> out;
            std::string back(text.size(), '\0');
            std::vector<std::span<std::byte>> in;
            for (std::size_t i = 0; i < text.size(); i += 4) {
                out.push_back(bytes(text).subspan(i, 4));
                out.emplace_back();
                in.push_back(writable(back).subspan(i, 4));
                in.emplace_back();
            }
            File file = File::open(directory / "file", OpenMode::read_write | OpenMode::create);
            file.write(out);
            CHECK(fs::read_file(directory / "file") == text);
            std::size_t count = 0;
            while (count < text.size()) {
                const auto rest = std::span(in).subspan(count / 4 * 2);
                const std::size_t more = file.read_at(rest, count);
                REQUIRE(more > 0);
                REQUIRE(more % 4 == 0);
                count += more;
            }
            CHECK(back == text);
        });
    }

    TEST_CASE("empty buffers are read and written at once") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "file", "text");
            File file = File::open(directory / "file", OpenMode::read_write);
            CHECK(file.read(std::span<std::byte>()) == 0);
            CHECK(file.read(std::span<const std::span<std::byte>>()) == 0);
            file.write("");
            file.write(std::span<const std::span<const std::byte>>());
            CHECK(file.stat().size == 4);
        });
    }

    TEST_CASE("offsets and sizes that no file has are refused, not taken for the position") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "file", "text");
            File file = File::open(directory / "file", OpenMode::read_write);
            std::string buffer(4, '\0');
            for (const std::uint64_t offset :
                 {std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max()}) {
                CHECK(file.read_at(writable(buffer), offset, std::nothrow).error().code() ==
                      std::errc::invalid_argument);
                CHECK(file.write_at(bytes("x"), offset, std::nothrow).error().code() ==
                      std::errc::invalid_argument);
                CHECK(file.truncate(offset, std::nothrow).error().code() ==
                      std::errc::invalid_argument);
            }
            CHECK(file.read(writable(buffer)) == 4);
        });
    }

    TEST_CASE("many coroutines read one file at once") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string text = pattern(1'000'000);
            fs::write_file(directory / "file", text);
            File file = File::open(directory / "file");
            TaskGroup group;
            int right = 0;
            for (std::size_t i = 0; i < 100; ++i) {
                group.spawn([&, i] {
                    std::string part(10'000, '\0');
                    CHECK(file.read_at(writable(part), i * part.size()) == part.size());
                    right += text.compare(i * part.size(), part.size(), part) == 0 ? 1 : 0;
                });
            }
            group.wait();
            CHECK(right == 100);
        });
    }

    TEST_CASE("writes at the position are whole and in the order of asking") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File file = File::create(directory / "file");
            std::string expected;
            TaskGroup group;
            for (char letter = 'a'; letter <= 'h'; ++letter) {
                const std::string piece(letter == 'c' ? std::size_t{17} << 20 : 1000, letter);
                expected += piece;
                group.spawn([&file, piece] { file.write(piece); });
            }
            group.wait();
            CHECK((fs::read_file(directory / "file") == expected));
        });
    }

    TEST_CASE("a second reader at the position is refused") {
        run_in_loop([] {
            int ends[2];
            REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
            File file = File::adopt(NativeFile{ends[0]}, "a pipe");
            std::string buffer(8, '\0');
            TaskGroup group;
            group.spawn([&] { CHECK(file.read(writable(buffer)) == 1); });
            co_sleep_ns(0);
            std::string other(8, '\0');
            const Result<std::size_t> count = file.read(writable(other), std::nothrow);
            REQUIRE(!count);
            CHECK(count.error().code() == std::errc::device_or_resource_busy);
            CHECK(::write(ends[1], "x", 1) == 1);
            group.wait();
            ::close(ends[1]);
        });
    }

    TEST_CASE("what the page cache holds is read without the pool") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "file", "cached");
            const CachedFile cached(directory / "file");
            File file = File::open(directory / "file");
            std::array<char, 6> probe{};
            const iovec piece{probe.data(), probe.size()};
            const int descriptor = static_cast<int>(file.native_handle());
            if (preadv2(descriptor, &piece, 1, 0, RWF_NOWAIT) != 6) {
                MESSAGE("not tried: the file system of the temporary directory can't do it");
                return;
            }
            const BusyPool busy;
            std::string buffer(3, '\0');
            CHECK(file.read(writable(buffer)) == 3);
            CHECK(buffer == "cac");
            CHECK(file.read(writable(buffer)) == 3);
            CHECK(buffer == "hed");
            CHECK(file.read_at(writable(buffer), 1) == 3);
            CHECK(buffer == "ach");
        });
    }

    TEST_CASE("files that know no size and no quick reads are read, too") {
        run_in_loop([] {
            File file = File::open("/proc/self/status");
            CHECK(read_all(file, 100).starts_with("Name:"));
        });
    }

    TEST_CASE("stat, truncate, chmod, chown, utime and sync do what they say") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File file = File::create(directory / "file");
            file.write("0123456789");
            file.sync();
            file.data_sync();
            file.truncate(4);
            file.chmod(0600);
            file.chown(getuid(), getgid());
            const FileTime accessed(1'000'000'000s + 250ms);
            const FileTime modified(1'100'000'000s + 500ms);
            file.utime(accessed, modified);
            const FileInfo info = file.stat();
            CHECK(info.is_regular());
            CHECK(info.size == 4);
            CHECK(info.permissions == 0600);
            CHECK(info.owner == getuid());
            CHECK(info.group == getgid());
            CHECK(info.links == 1);
            CHECK(info.accessed == accessed);
            CHECK(info.modified == modified);
            CHECK(info.changed > FileTime(1'600'000'000s));
            file.truncate(6);
            CHECK(fs::read_file(directory / "file") == std::string("0123\0\0", 6));
        });
    }

    TEST_CASE("using it where nobody can wait is misuse") {
        expect_misuse([] { static_cast<void>(File::open("/dev/null")); },
                      "cannot open outside a coroutine");
        expect_misuse(
            [] {
                File file = File::adopt(NativeFile{0}, "mine");
                file.write("x");
            },
            "cannot write outside a coroutine");
        expect_misuse([] { static_cast<void>(File().native_handle()); },
                      "native_handle() was called on a File that is not open");
    }
}

// SPDX-License-Identifier: MIT
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <coloop/coloop.hpp>

#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/pool.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;
using namespace std::chrono_literals;

namespace {

struct Failure {
    const char* operation;
    std::function<void()> throwing;
    std::function<Error()> quiet;
};

/// Both forms of everything that fails when `missing` is not there.
std::vector<Failure> failures(const std::string& missing) {
    const FileTime now;
    const auto quiet = [](const auto& result) { return result.error(); };
    return {
        {"stat", [=] { static_cast<void>(fs::stat(missing)); },
         [=] { return quiet(fs::stat(missing, std::nothrow)); }},
        {"lstat", [=] { static_cast<void>(fs::lstat(missing)); },
         [=] { return quiet(fs::lstat(missing, std::nothrow)); }},
        {"statfs", [=] { static_cast<void>(fs::statfs(missing)); },
         [=] { return quiet(fs::statfs(missing, std::nothrow)); }},
        {"access", [=] { fs::access(missing); },
         [=] { return quiet(fs::access(missing, fs::Access::exists, std::nothrow)); }},
        {"unlink", [=] { fs::unlink(missing); },
         [=] { return quiet(fs::unlink(missing, std::nothrow)); }},
        {"rmdir", [=] { fs::rmdir(missing); },
         [=] { return quiet(fs::rmdir(missing, std::nothrow)); }},
        {"readlink", [=] { static_cast<void>(fs::readlink(missing)); },
         [=] { return quiet(fs::readlink(missing, std::nothrow)); }},
        {"realpath", [=] { static_cast<void>(fs::realpath(missing)); },
         [=] { return quiet(fs::realpath(missing, std::nothrow)); }},
        {"chmod", [=] { fs::chmod(missing, 0600); },
         [=] { return quiet(fs::chmod(missing, 0600, std::nothrow)); }},
        {"chown", [=] { fs::chown(missing, 0, 0); },
         [=] { return quiet(fs::chown(missing, 0, 0, std::nothrow)); }},
        {"lchown", [=] { fs::lchown(missing, 0, 0); },
         [=] { return quiet(fs::lchown(missing, 0, 0, std::nothrow)); }},
        {"utime", [=] { fs::utime(missing, now, now); },
         [=] { return quiet(fs::utime(missing, now, now, std::nothrow)); }},
        {"lutime", [=] { fs::lutime(missing, now, now); },
         [=] { return quiet(fs::lutime(missing, now, now, std::nothrow)); }},
        {"scandir", [=] { static_cast<void>(fs::scandir(missing)); },
         [=] { return quiet(fs::scandir(missing, std::nothrow)); }},
        {"open", [=] { static_cast<void>(fs::read_file(missing)); },
         [=] { return quiet(fs::read_file(missing, std::nothrow)); }},
    };
}

/// Both forms of everything that makes something in a directory, and fails when that's not there.
std::vector<Failure> failures_below(const std::string& missing, const std::string& there) {
    const auto quiet = [](const auto& result) { return result.error(); };
    return {
        {"mkdir", [=] { fs::mkdir(missing); },
         [=] { return quiet(fs::mkdir(missing, std::nothrow)); }},
        {"rename", [=] { fs::rename(there, missing); },
         [=] { return quiet(fs::rename(there, missing, std::nothrow)); }},
        {"link", [=] { fs::link(there, missing); },
         [=] { return quiet(fs::link(there, missing, std::nothrow)); }},
        {"symlink", [=] { fs::symlink(there, missing); },
         [=] { return quiet(fs::symlink(there, missing, std::nothrow)); }},
        {"copy", [=] { fs::copy_file(there, missing); },
         [=] { return quiet(fs::copy_file(there, missing, std::nothrow)); }},
        {"mkdtemp", [=] { static_cast<void>(fs::mkdtemp(missing)); },
         [=] { return quiet(fs::mkdtemp(missing, std::nothrow)); }},
        {"mkstemp", [=] { static_cast<void>(fs::mkstemp(missing)); },
         [=] { return quiet(fs::mkstemp(missing, std::nothrow)); }},
        {"create a file beside", [=] { fs::write_file(missing, "text"); },
         [=] { return quiet(fs::write_file(missing, "text", std::nothrow)); }},
    };
}

void expect_not_found(const Failure& failure, const std::string& object) {
    CAPTURE(failure.operation);
    const Error quiet = failure.quiet();
    CHECK(quiet.code() == std::errc::no_such_file_or_directory);
    const std::string what = quiet.what();
    CHECK(what.starts_with(std::string(failure.operation) + " " + object));
    CHECK(what.ends_with(": no such file or directory"));
    CHECK_THROWS_WITH_AS(failure.throwing(), what.c_str(), Error);
}

bool exists(const std::string& path) { return std::filesystem::exists(path); }

}  // namespace

TEST_SUITE("fs") {
    TEST_CASE("errors name the operation, the paths and the reason, in both forms") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string there = directory / "there";
            fs::write_file(there, "text");
            for (const Failure& failure : failures(directory / "missing")) {
                expect_not_found(failure, directory / "missing");
            }
            const std::string below = directory / "missing/file";
            for (const Failure& failure : failures_below(below, there)) {
                const std::string operation = failure.operation;
                const bool two = operation == "rename" || operation == "link" ||
                                 operation == "symlink" || operation == "copy";
                expect_not_found(failure, two ? there + " to " + below : below);
            }
        });
    }

    TEST_CASE("a path with a zero byte in it is refused, and never cut off there") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string there = directory / "there";
            fs::write_file(there, "text");
            const std::string zero = there + '\0' + "more";
            for (const Failure& failure : failures(zero)) {
                CAPTURE(failure.operation);
                CHECK(failure.quiet().code() == std::errc::invalid_argument);
            }
            for (const Failure& failure : failures_below(zero, there)) {
                CAPTURE(failure.operation);
                CHECK(failure.quiet().code() == std::errc::invalid_argument);
            }
            CHECK(fs::rename(zero, there, std::nothrow).error().code() ==
                  std::errc::invalid_argument);
            CHECK(directory.size() == 1);
        });
    }

    TEST_CASE("a path is any string or a std::filesystem::path") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::filesystem::path path = std::filesystem::path(directory.path()) / "file";
            fs::write_file(path, "text");
            CHECK(fs::read_file(path.c_str()) == "text");
            CHECK(fs::read_file(path.string()) == "text");
            CHECK(fs::read_file(std::string_view(path.native())) == "text");
            CHECK(File::open(path).stat().size == 4);
        });
    }

    TEST_CASE("stat tells the kind of everything, and follows links where lstat does not") {
        const TemporaryDirectory directory;
        const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        (directory / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(mkfifo((directory / "fifo").c_str(), 0600) == 0);
        run_in_loop([&] {
            fs::mkdir(directory / "directory");
            fs::write_file(directory / "regular", "12345");
            fs::symlink("regular", directory / "symlink");
            CHECK(fs::stat(directory / "directory").is_directory());
            CHECK(fs::stat(directory / "regular").size == 5);
            CHECK(fs::stat(directory / "symlink").is_regular());
            CHECK(fs::lstat(directory / "symlink").is_symbolic_link());
            CHECK(fs::stat(directory / "fifo").kind == FileKind::fifo);
            CHECK(fs::stat(directory / "socket").kind == FileKind::socket);
            CHECK(fs::stat("/dev/null").kind == FileKind::character_device);
            CHECK(fs::stat("/dev/null").special_device != 0);
            CHECK(fs::stat(directory / "regular").inode == fs::stat(directory / "symlink").inode);
            std::vector<FileKind> kinds;
            std::string names;
            for (const fs::DirectoryEntry& entry : fs::scandir(directory.path())) {
                names += entry.name + ' ';
                CHECK(entry.kind == fs::lstat(directory / entry.name).kind);
            }
            CHECK(names == "directory fifo regular socket symlink ");
        });
        close(listener);
    }

    TEST_CASE("scandir of an empty directory is empty, of a large one complete") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            CHECK(fs::scandir(directory.path()).empty());
            for (int i = 0; i < 500; ++i) {
                static_cast<void>(File::create(directory / std::to_string(i)));
            }
            CHECK(fs::scandir(directory.path()).size() == 500);
            CHECK(fs::scandir(directory / "7", std::nothrow).error().code() ==
                  std::errc::not_a_directory);
        });
    }

    TEST_CASE("directories are made and removed") {
        const TemporaryDirectory directory;
        const mode_t before = umask(022);
        run_in_loop([&] {
            fs::mkdir(directory / "a");
            CHECK(fs::stat(directory / "a").permissions == 0755);
            fs::mkdir(directory / "b", 0700);
            CHECK(fs::stat(directory / "b").permissions == 0700);
            CHECK(fs::mkdir(directory / "a", std::nothrow).error().code() ==
                  std::errc::file_exists);
            fs::mkdir(directory / "a/c");
            CHECK(fs::rmdir(directory / "a", std::nothrow).error().code() ==
                  std::errc::directory_not_empty);
            fs::rmdir(directory / "a/c");
            fs::rmdir(directory / "a");
            CHECK(directory.size() == 1);
        });
        umask(before);
    }

    TEST_CASE("names are given, changed and taken away") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "a", "text");
            fs::link(directory / "a", directory / "b");
            CHECK(fs::stat(directory / "b").links == 2);
            fs::unlink(directory / "a");
            CHECK(fs::read_file(directory / "b") == "text");
            fs::write_file(directory / "c", "old");
            fs::rename(directory / "b", directory / "c");
            CHECK(fs::read_file(directory / "c") == "text");
            fs::symlink("c", directory / "d");
            CHECK(fs::readlink(directory / "d") == "c");
            CHECK(fs::realpath(directory / "./d") ==
                  std::filesystem::canonical(directory / "c").string());
            CHECK(fs::readlink(directory / "c", std::nothrow).error().code() ==
                  std::errc::invalid_argument);
        });
    }

    TEST_CASE("chmod, chown, utime and their forms for links do what they say") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "file", "text");
            fs::symlink("file", directory / "link");
            fs::chmod(directory / "link", 0751);
            CHECK(fs::stat(directory / "file").permissions == 0751);
            fs::chown(directory / "file", getuid(), getgid());
            fs::lchown(directory / "link", getuid(), getgid());
            const FileTime early(1'000'000'000s);
            const FileTime late(1'500'000'000s);
            fs::utime(directory / "link", early, late);
            fs::lutime(directory / "link", late, early);
            CHECK(fs::stat(directory / "file").accessed == early);
            CHECK(fs::stat(directory / "file").modified == late);
            CHECK(fs::lstat(directory / "link").modified == early);
        });
    }

    TEST_CASE("access tells what may be done") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "file", "text");
            fs::chmod(directory / "file", 0644);
            fs::access(directory / "file");
            fs::access(directory / "file", fs::Access::read | fs::Access::write);
            const std::string what = "access " + (directory / "file") + ": permission denied";
            CHECK_THROWS_WITH_AS(fs::access(directory / "file", fs::Access::execute), what.c_str(),
                                 Error);
        });
    }

    TEST_CASE("copy_file copies content and permissions") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string text = pattern(3'000'000);
            fs::write_file(directory / "from", text);
            fs::chmod(directory / "from", 0640);
            fs::copy_file(directory / "from", directory / "to");
            CHECK((fs::read_file(directory / "to") == text));
            CHECK(fs::stat(directory / "to").permissions == 0640);
            fs::write_file(directory / "from", "new");
            CHECK(fs::copy_file(directory / "from", directory / "to", fs::CopyMode::exclusive,
                                std::nothrow)
                      .error()
                      .code() == std::errc::file_exists);
            fs::copy_file(directory / "from", directory / "to");
            CHECK(fs::read_file(directory / "to") == "new");
            CHECK(fs::copy_file(directory / "from", directory / "to",
                                fs::CopyMode::share | fs::CopyMode::exclusive, std::nothrow)
                      .error()
                      .code() == std::errc::file_exists);
            // Few file systems can share blocks; /proc never does.
            CHECK(!fs::copy_file("/proc/self/status", directory / "to", fs::CopyMode::share,
                                 std::nothrow));
        });
    }

    TEST_CASE("statfs tells how full the disk is") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const SpaceInfo space = fs::statfs(directory.path());
            CHECK(space.block_size > 0);
            CHECK(space.capacity >= space.free);
            CHECK(space.free >= space.available);
            CHECK(space.capacity == std::filesystem::space(directory.path()).capacity);
        });
    }

    TEST_CASE("mkdtemp and mkstemp make something new each time, for this user only") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string one = fs::mkdtemp(directory / "d-");
            CHECK(one.starts_with(directory / "d-"));
            CHECK(one.size() == (directory / "d-").size() + 6);
            CHECK(one != fs::mkdtemp(directory / "d-"));
            CHECK(fs::stat(one).permissions == 0700);
            fs::NewFile file = fs::mkstemp(directory / "f-");
            CHECK(file.path.starts_with(directory / "f-"));
            CHECK(file.file.name() == file.path);
            CHECK(file.file.stat().permissions == 0600);
            file.file.write("text");
            CHECK(fs::read_file(file.path) == "text");
        });
    }

    TEST_CASE("what a cancelled mkdtemp or mkstemp has made is removed again") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            CancelScope* scopes[2] = {};
            TaskGroup group;
            {
                const BusyPool busy(pool_threads - 1);
                BusyPool last(1);
                BusyPool::queue([] {},
                                [&] {
                                    scopes[0]->cancel();
                                    scopes[1]->cancel();
                                });
                const auto start = [&](CancelScope*& scope, auto function) {
                    group.spawn([&scope, function] {
                        CancelScope own;
                        scope = &own;
                        CHECK(!own.run(function));
                    });
                };
                start(scopes[0], [&] { static_cast<void>(fs::mkdtemp(directory / "d-")); });
                start(scopes[1], [&] { static_cast<void>(fs::mkstemp(directory / "f-")); });
                co_sleep_ns(0);
                last.release();
                BusyPool::flush();
                CHECK(directory.size() == 2);
                group.wait();
            }
            while (directory.size() > 0 || open_descriptors() != before) {
                co_sleep_ns(0);  // orphans clean up after themselves, or this test hangs
            }
        });
    }

    TEST_CASE("read_file reads all of any file") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            for (const std::size_t size : {0U, 1U, 4095U, 4096U, 4097U, 300'000U}) {
                fs::write_file(directory / "file", pattern(size));
                CHECK((fs::read_file(directory / "file") == pattern(size)));
            }
            CHECK(fs::read_file("/proc/self/status").starts_with("Name:"));
            CHECK(fs::read_file("/dev/null").empty());
            const std::string what = "read " + directory.path();
            CHECK_THROWS_WITH_AS(static_cast<void>(fs::read_file(directory.path())),
                                 (what + ": illegal operation on a directory").c_str(), Error);
        });
    }

#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN)  // these end the process where new throws
    TEST_CASE("read_file of more than memory holds is an error") {
        const TemporaryDirectory directory;
        const Death end = die([&] {
            const rlimit limit{std::uint64_t{1} << 36, std::uint64_t{1} << 36};
            setrlimit(RLIMIT_AS, &limit);
            run_in_loop([&] {
                File::create(directory / "file").truncate(std::uint64_t{1} << 40);
                const Result<std::string> read = fs::read_file(directory / "file", std::nothrow);
                _exit(!read && read.error().code() == std::errc::not_enough_memory ? 7 : 1);
            });
        });
        CHECK(end.exit_code == 7);
    }
#endif

    TEST_CASE("write_file replaces a file as a whole and keeps its permissions") {
        const TemporaryDirectory directory;
        const mode_t before = umask(022);
        run_in_loop([&] {
            const std::string path = directory / "file";
            fs::write_file(path, "old");
            CHECK(fs::stat(path).permissions == 0644);
            fs::chmod(path, 0600);
            File old = File::open(path);
            fs::link(path, directory / "other name");
            fs::write_file(path, std::string_view("new\0one", 7));
            CHECK(fs::stat(path).permissions == 0600);
            CHECK(fs::read_file(path) == std::string("new\0one", 7));
            CHECK(fs::read_file(directory / "other name") == "old");
            CHECK(old.stat().size == 3);
            CHECK(directory.size() == 2);
        });
        umask(before);
    }

    TEST_CASE("write_file that fails leaves no trace") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::mkdir(directory / "directory");
            const Result<void> written = fs::write_file(directory / "directory", "x", std::nothrow);
            REQUIRE(!written);
            CHECK(written.error().code() == std::errc::is_a_directory);
            CHECK(directory.size() == 1);
        });
    }

    TEST_CASE("write_file that is cancelled leaves no trace, whenever that happens") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string path = directory / "file";
            const std::string old = "old";
            const std::string fresh = pattern(100'000);
            const std::size_t before = open_descriptors();
            fs::write_file(path, old);
            bool in_time = false;
            for (int turns = 0; !in_time; turns += turns / 8 + 1) {
                TaskGroup group;
                group.spawn([&] { fs::write_file(path, fresh); });
                for (int i = 0; i < turns && group.size() > 0; ++i) {
                    co_sleep_ns(0);
                }
                in_time = group.size() == 0;
                group.cancel();
                group.wait();
                const std::string content = fs::read_file(path);
                CHECK((content == fresh || (content == old && !in_time)));
            }
            while (directory.size() > 1 || open_descriptors() > before) {
                co_sleep_ns(0);  // orphans clean up after themselves, or this test hangs
            }
        });
        CHECK(exists(directory / "file"));
    }

    TEST_CASE("using it outside a coroutine is misuse") {
        expect_misuse([] { fs::unlink("/nothere"); }, "cannot unlink outside a coroutine");
    }
}

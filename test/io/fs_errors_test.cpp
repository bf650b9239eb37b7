// SPDX-License-Identifier: MIT
//
// What file systems refuse: each operation, with the exact text. What is missing: fs_test.cpp.
#include <string>
#include <vector>

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <coloop/coloop.hpp>

#include "support/death.hpp"
#include "support/files.hpp"
#include "support/refused.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;

namespace {

/// Everything that is done to what is at one path.
std::vector<Operation> operations_on(const std::string& path) {
    const FileTime time;
    const std::string six = path + "XXXXXX";
    return {
        COLOOP_TEST_OPERATION("open " + path, File::open, path),
        COLOOP_TEST_OPERATION("open " + path, File::create, path),
        COLOOP_TEST_OPERATION("stat " + path, fs::stat, path),
        COLOOP_TEST_OPERATION("lstat " + path, fs::lstat, path),
        COLOOP_TEST_OPERATION("statfs " + path, fs::statfs, path),
        COLOOP_TEST_OPERATION("access " + path, fs::access, path, fs::Access::read),
        COLOOP_TEST_OPERATION("unlink " + path, fs::unlink, path),
        COLOOP_TEST_OPERATION("mkdir " + path, fs::mkdir, path),
        COLOOP_TEST_OPERATION("rmdir " + path, fs::rmdir, path),
        COLOOP_TEST_OPERATION("rename " + path + " to /tmp/x", fs::rename, path, "/tmp/x"),
        COLOOP_TEST_OPERATION("link " + path + " to /tmp/x", fs::link, path, "/tmp/x"),
        COLOOP_TEST_OPERATION("symlink x to " + path, fs::symlink, "x", path),
        COLOOP_TEST_OPERATION("readlink " + path, fs::readlink, path),
        COLOOP_TEST_OPERATION("realpath " + path, fs::realpath, path),
        COLOOP_TEST_OPERATION("chmod " + path, fs::chmod, path, 0600U),
        COLOOP_TEST_OPERATION("chown " + path, fs::chown, path, 0U, 0U),
        COLOOP_TEST_OPERATION("lchown " + path, fs::lchown, path, 0U, 0U),
        COLOOP_TEST_OPERATION("utime " + path, fs::utime, path, time, time),
        COLOOP_TEST_OPERATION("lutime " + path, fs::lutime, path, time, time),
        COLOOP_TEST_OPERATION("copy " + path + " to /tmp/x", fs::copy_file, path, "/tmp/x"),
        COLOOP_TEST_OPERATION("mkdtemp " + six, fs::mkdtemp, path),
        COLOOP_TEST_OPERATION("mkstemp " + six, fs::mkstemp, path),
        COLOOP_TEST_OPERATION("scandir " + path, fs::scandir, path),
        COLOOP_TEST_OPERATION("open directory " + path, fs::Directory::open, path),
        COLOOP_TEST_OPERATION("remove " + path, fs::remove_all, path),
        COLOOP_TEST_OPERATION("open " + path, fs::read_file, path),
        COLOOP_TEST_OPERATION("create a file beside " + path, fs::write_file, path, "text"),
    };
}

}  // namespace

TEST_SUITE("file system errors") {
    TEST_CASE("a name that is too long is refused by each operation, in both forms") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            expect_refused(operations_on(directory / std::string(300, 'x')),
                           std::errc::filename_too_long, "name too long");
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("a directory that may not be entered is told by each operation, in both forms") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::mkdir(directory / "closed", 0000);
            const std::size_t before = open_descriptors();
            {
                const Nobody nobody;
                expect_refused(operations_on(directory / "closed/file"),
                               std::errc::permission_denied, "permission denied");
            }
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("a path through a file is told by each operation, in both forms") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "file", "text");
            const std::size_t before = open_descriptors();
            expect_refused(operations_on(directory / "file/x"), std::errc::not_a_directory,
                           "not a directory");
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("a circle of links is told by each operation that follows them, in both forms") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::symlink("two", directory / "one");
            fs::symlink("one", directory / "two");
            const std::size_t before = open_descriptors();
            expect_refused(operations_on(directory / "one/x"),
                           std::errc::too_many_symbolic_link_levels,
                           "too many symbolic links encountered");
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("with no descriptor left what must open something says so, in both forms") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string path = directory / "there";
            fs::write_file(path, "text");
            const std::string six = path + "XXXXXX";
            const std::string whole = directory.path();
            const std::size_t before = open_descriptors();
            std::vector<Operation> operations = {
                COLOOP_TEST_OPERATION("open " + path, File::open, path),
                COLOOP_TEST_OPERATION("open " + path, fs::read_file, path),
                COLOOP_TEST_OPERATION("create a file beside " + path, fs::write_file, path, "text"),
                COLOOP_TEST_OPERATION("mkstemp " + six, fs::mkstemp, path),
                COLOOP_TEST_OPERATION("copy " + path + " to /tmp/x", fs::copy_file, path, "/tmp/x"),
                COLOOP_TEST_OPERATION("scandir " + whole, fs::scandir, whole),
            };
            {
                const FewDescriptors none(0);
                expect_refused(operations, std::errc::too_many_files_open, "too many open files");
            }
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("a disk that fills up is an error of the write, and write_file leaves no trace") {
        const TemporaryDirectory directory;
        const std::string path = directory / "disk/file";
        const std::string text = pattern(200'000);
        REQUIRE(mkdir((directory / "disk").c_str(), 0700) == 0);
        const Death death = die([&] {  // its pool's threads begin in the new namespace
            // A small disk where this process may have one, else a limit on the size of files.
            const bool mounted =
                unshare(CLONE_NEWNS) == 0 &&
                mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                mount("none", (directory / "disk").c_str(), "tmpfs", 0, "size=64k") == 0;
            if (!mounted) {
                signal(SIGXFSZ, SIG_IGN);
                const rlimit limit{64 * 1024, 64 * 1024};
                setrlimit(RLIMIT_FSIZE, &limit);
            }
            const std::string reason = mounted ? "no space left on device" : "file too large";
            run_in_loop([&] {
                fs::write_file(path, "small");
                const Result<void> whole = fs::write_file(path, text, std::nothrow);
                const std::string whole_text = whole ? "" : whole.error().what();
                const bool clean =
                    fs::scandir(directory / "disk").size() == 1 && fs::read_file(path) == "small";
                File file = File::create(path);
                const Result<void> part = file.write(text, std::nothrow);
                const std::string part_text = part ? "" : part.error().what();
                const bool filled = file.stat().size == 64 * 1024;
                const bool told = whole_text.starts_with("write " + path + ".") &&
                                  whole_text.ends_with(".new: " + reason) &&
                                  part_text == "write " + path + ": " + reason;
                std::fprintf(stderr, "%s\n%s\n%d%d\n", whole_text.c_str(), part_text.c_str(), clean,
                             filled);
                _exit(told && clean && filled ? 7 : 1);
            });
        });
        CAPTURE(death.words);
        CHECK(death.exit_code == 7);
    }
}

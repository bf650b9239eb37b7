// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/pool.hpp"
#include "support/run_in_loop.hpp"
#include "support/trees.hpp"

using namespace coloop;
using namespace std::chrono_literals;

namespace {

std::size_t slashes(const std::string& path) {
    return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

}  // namespace

TEST_SUITE("Directory") {
    TEST_CASE("every entry comes once, however many there are, and only real ones") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            CHECK(names_in(directory.path()).empty());
            make_files(directory.path(), 300);
            fs::mkdir(directory / "sub");
            fs::symlink("sub", directory / "link");
            Names expected{"sub", "link"};
            for (int i = 0; i < 300; ++i) {
                expected.insert(std::to_string(i));
            }
            CHECK(names_in(directory.path()) == expected);
            for (const fs::DirectoryEntry& entry : fs::Directory::open(directory.path())) {
                CHECK(entry.kind == fs::lstat(directory / entry.name).kind);
            }
        });
    }

    TEST_CASE("next goes on returning nothing at the end, and close may come twice") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            fs::mkdir(directory / "one");
            fs::Directory open = fs::Directory::open(directory.path());
            CHECK(open.next()->name == "one");
            CHECK(!open.next());
            CHECK(!open.next());
            open.close();
            open.close();
            expect_error(open.next(std::nothrow), Errc::closed,
                         "read directory a Directory that is not open: closed");
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("it may be moved, and destroyed at any time, also after its loop") {
        const TemporaryDirectory directory;
        const std::size_t before = open_descriptors();
        std::optional<fs::Directory> left;
        run_in_loop([&] {
            make_files(directory.path(), 3);
            fs::Directory one = fs::Directory::open(directory.path());
            CHECK(one.next());
            fs::Directory two = std::move(one);
            CHECK(two.next());
            one = fs::Directory::open(directory.path());
            one = std::move(two);
            CHECK(one.next());
            CHECK(!one.next());
            left = std::move(one);
        });
        left.reset();
        CHECK(open_descriptors() == before);
    }

    TEST_CASE("errors name the operation, the path and the reason, in both forms") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            fs::write_file(directory / "file", "text");
            fs::mkdir(directory / "closed", 0000);
            const auto expect = [&](const std::string& path, std::errc code, const char* reason) {
                expect_both([&] { static_cast<void>(fs::Directory::open(path)); },
                            [&] { return fs::Directory::open(path, std::nothrow); }, code,
                            "open directory " + path + ": " + reason);
            };
            expect(directory / "missing", std::errc::no_such_file_or_directory,
                   "no such file or directory");
            expect(directory / "file", std::errc::not_a_directory, "not a directory");
            expect(directory / std::string(300, 'x'), std::errc::filename_too_long,
                   "name too long");
            {
                const Nobody nobody;
                expect(directory / "closed", std::errc::permission_denied, "permission denied");
            }
            {
                const FewDescriptors none(0);
                expect(directory.path(), std::errc::too_many_files_open, "too many open files");
            }
            CHECK(fs::Directory::open(directory.path() + std::string(1, '\0'), std::nothrow)
                      .error()
                      .code() == std::errc::invalid_argument);
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("several coroutines share the entries, each gets others") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            make_files(directory.path(), 500);
            fs::Directory open = fs::Directory::open(directory.path());
            Names names;
            TaskGroup group;
            for (int i = 0; i < 4; ++i) {
                group.spawn([&] {
                    while (const auto entry = open.next()) {
                        CHECK(names.insert(entry->name).second);
                    }
                });
            }
            group.wait();
            CHECK(names.size() == 500);
        });
    }

    TEST_CASE("a cancelled call begins nothing, and one that waits for a thread is taken back") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            make_files(directory.path(), 3);
            fs::Directory open = fs::Directory::open(directory.path());
            {
                CancelScope scope;
                scope.cancel();
                CHECK_THROWS_AS(static_cast<void>(fs::Directory::open(directory.path())),
                                Cancelled);
                CHECK_THROWS_AS(static_cast<void>(open.next()), Cancelled);
            }
            {
                const BusyPool busy;
                Bystander opening(
                    [&] { static_cast<void>(fs::Directory::open(directory.path())); });
                Bystander reading([&] { static_cast<void>(open.next()); });
                Bystander in_line([&] { static_cast<void>(open.next()); });
                opening.cancel();
                in_line.cancel();
                CHECK(opening.outcome() == "cancelled");
                CHECK(in_line.outcome() == "cancelled");
                reading.cancel();
                CHECK(reading.outcome() == "cancelled");
            }
            int count = 0;
            while (open.next()) {
                ++count;
            }
            CHECK(count == 3);
            open.close();
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("a cancelled open that goes on alone closes what it has opened") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            {
                const BusyPool busy(pool_threads - 1);
                BusyPool last(1);
                CancelScope* scope = nullptr;
                BusyPool::queue([] {}, [&] { scope->cancel(); });
                Bystander opening([&] {
                    CancelScope own;
                    scope = &own;
                    CHECK(!own.run(
                        [&] { static_cast<void>(fs::Directory::open(directory.path())); }));
                });
                last.release();
                BusyPool::flush();
                CHECK(opening.outcome() == "");
            }
            while (open_descriptors() != before) {
                co_sleep_ns(0);
            }
        });
    }

    TEST_CASE("entries that were read when the reader was cancelled are not lost") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            make_files(directory.path(), 3);
            fs::Directory open = fs::Directory::open(directory.path());
            const BusyPool busy(pool_threads - 1);
            BusyPool last(1);
            CancelScope* scope = nullptr;
            BusyPool::queue([] {}, [&] { scope->cancel(); });
            std::size_t count = 0;
            Bystander reading([&] {
                CancelScope own;
                scope = &own;
                own.run([&] { count += open.next() ? 1U : 0U; });
            });
            last.release();
            BusyPool::flush();
            CHECK(reading.outcome() == "");
            while (open.next()) {
                ++count;
            }
            CHECK(count == 3);
        });
    }

    TEST_CASE("closing waits for the read under way and refuses those behind it") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            make_files(directory.path(), 3);
            fs::Directory open = fs::Directory::open(directory.path());
            BusyPool busy;
            std::optional<fs::DirectoryEntry> got;
            Bystander first([&] { got = open.next(); });
            Bystander second([&] { static_cast<void>(open.next()); });
            Bystander closing([&] { open.close(); });
            CHECK(!closing.ended());
            busy.release();
            CHECK(first.outcome() == "");
            CHECK(got);
            CHECK(second.outcome() == "read directory " + directory.path() + ": closed");
            CHECK(closing.outcome() == "");
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("a cancelled close of a directory closes all the same") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            fs::Directory open = fs::Directory::open(directory.path());
            {
                CancelScope scope;
                scope.cancel();
                expect_error(open.close(std::nothrow), Errc::cancelled,
                             "close directory " + directory.path() + ": cancelled");
            }
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("using a directory outside a coroutine is misuse") {
        expect_misuse([] { static_cast<void>(fs::Directory::open("/")); },
                      "cannot open directory outside a coroutine");
    }
}

TEST_SUITE("Walk") {
    TEST_CASE("all below the root comes once, links are not followed, and kinds are told") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            make_tree(directory / "root", directory.path());
            CHECK(walked(directory / "root") ==
                  Names{"file", "a", "a/file", "a/b", "a/b/file", "a/b/c", "a/loop", "link"});
            for (const fs::WalkEntry& entry : fs::Walk(directory / "root")) {
                CHECK(entry.kind == fs::lstat(entry.path).kind);
                CHECK(entry.name() == std::filesystem::path(entry.path).filename());
                CHECK(entry.depth == slashes(entry.path) - slashes(directory / "root"));
            }
        });
    }

    TEST_CASE("the root may be a link, and end with a slash") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::mkdir(directory / "root");
            make_files(directory / "root", 1);
            fs::symlink("root", directory / "link");
            CHECK(fs::Walk(directory / "link").next()->path == directory / "link/0");
            CHECK(fs::Walk(directory / "root/").next()->path == directory / "root/0");
        });
    }

    TEST_CASE("a depth that no stack of directories could take is walked with one descriptor") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            std::string path = directory / "d";
            fs::mkdir(path);
            for (int i = 0; i < 300; ++i) {
                path += "/d";
                fs::mkdir(path);
            }
            const FewDescriptors one(1);
            std::size_t deepest = 0;
            for (const fs::WalkEntry& entry : fs::Walk(directory / "d")) {
                CHECK(!entry.error);
                deepest = std::max(deepest, entry.depth);
            }
            CHECK(deepest == 300);
        });
    }

    TEST_CASE("a directory that can't be read is an entry with the error, and the walk goes on") {
        const TemporaryDirectory directory;
        REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
        run_in_loop([&] {
            for (const char* name : {"a", "b", "c"}) {
                fs::mkdir(directory / name);
                make_files(directory / name, 1);
            }
            fs::chmod(directory / "b", 0000);
            const Nobody nobody;
            CHECK(walked(directory.path()) == Names{"a", "a/0", "b", "b!", "c", "c/0"});
            for (const fs::WalkEntry& entry : fs::Walk(directory.path())) {
                if (entry.error) {
                    CHECK(entry.error->what() ==
                          "open directory " + (directory / "b") + ": permission denied");
                    CHECK(entry.kind == FileKind::directory);
                    CHECK(entry.depth == 1);
                }
            }
        });
    }

    TEST_CASE("a root that is not there is one entry with the error") {
        run_in_loop([] {
            fs::Walk walk("/nothere");
            const std::optional<fs::WalkEntry> entry = walk.next();
            REQUIRE(entry);
            CHECK(entry->path == "/nothere");
            CHECK(entry->depth == 0);
            CHECK(std::string(entry->error->what()) ==
                  "open directory /nothere: no such file or directory");
            CHECK(!walk.next());
        });
    }

    TEST_CASE("skip leaves out what is in the last directory, and in no other") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            for (const char* name : {"a", "b"}) {
                fs::mkdir(directory / name);
                make_files(directory / name, 1);
            }
            fs::write_file(directory / "file", "text");
            Names names;
            fs::Walk walk(directory.path());
            walk.skip();
            while (const auto entry = walk.next()) {
                names.insert(std::string(entry->name()));
                if (entry->name() != "b") {
                    walk.skip();
                    walk.skip();
                }
            }
            CHECK(names == Names{"a", "b", "file", "0"});
        });
    }

    TEST_CASE("a walk that was cancelled goes on where it was") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            make_tree(directory / "root", directory.path());
            fs::Walk walk(directory / "root");
            std::size_t count = 0;
            for (;;) {
                {
                    CancelScope scope;
                    scope.cancel();
                    const auto entry = walk.next(std::nothrow);
                    CHECK((entry ? entry->has_value() : entry.error().code() == Errc::cancelled));
                    count += entry ? 1U : 0U;
                }
                if (!walk.next()) {
                    break;
                }
                ++count;
            }
            CHECK(count == 8);
        });
    }
}

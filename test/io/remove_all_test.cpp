// SPDX-License-Identifier: MIT
#include <set>
#include <string>

#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <coloop/coloop.hpp>

#include "io/tree_remover.hpp"
#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/files.hpp"
#include "support/pool.hpp"
#include "support/run_in_loop.hpp"
#include "support/trees.hpp"

using namespace coloop;

TEST_SUITE("remove_all") {
    TEST_CASE("a tree goes as a whole, links in it go and what they stand for stays") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            fs::mkdir(directory / "outside");
            make_files(directory / "outside", 3);
            make_tree(directory / "root", directory / "outside");
            CHECK(fs::remove_all(directory / "root") == 9);
            CHECK(names_in(directory.path()) == Names{"outside"});
            CHECK(names_in(directory / "outside").size() == 3);
            CHECK(fs::remove_all(directory / "root") == 0);
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("a file and a link are removed like a tree of one") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::mkdir(directory / "kept");
            fs::symlink("kept", directory / "link");
            fs::write_file(directory / "file", "text");
            CHECK(fs::remove_all(directory / "link") == 1);
            CHECK(fs::remove_all(directory / "file") == 1);
            CHECK(names_in(directory.path()) == Names{"kept"});
        });
    }

    TEST_CASE("thousands of entries and hundreds of levels are no trouble") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            std::string path = directory / "d";
            fs::mkdir(path);
            make_files(path, 1000);
            for (int i = 0; i < 200; ++i) {
                path += "/d";
                fs::mkdir(path);
            }
            CHECK(fs::remove_all(directory / "d") == 1201);
            CHECK(directory.size() == 0);
        });
    }

    TEST_CASE("it goes on after what can't be removed and reports the first of that") {
        const TemporaryDirectory directory;
        REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
        run_in_loop([&] {
            fs::mkdir(directory / "root");
            for (const char* name : {"a", "b", "c"}) {
                fs::mkdir(directory / ("root/" + std::string(name)));
                make_files(directory / ("root/" + std::string(name)), 2);
            }
            const std::string text = "remove " + (directory / "root/b/");
            fs::chmod(directory / "root", 0777);
            fs::chmod(directory / "root/a", 0777);
            fs::chmod(directory / "root/c", 0777);
            const Nobody nobody;
            if (geteuid() == 65534) {
                const Result<std::uint64_t> removed =
                    fs::remove_all(directory / "root", std::nothrow);
                REQUIRE(!removed);
                CHECK(removed.error().code() == std::errc::permission_denied);
                CHECK(std::string(removed.error().what()).starts_with(text));
                CHECK(walked(directory / "root") == Names{"b", "b/0", "b/1"});
            }
        });
    }

    TEST_CASE("errors name the path and the reason, in both forms") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            make_tree(directory / "root", directory.path());
            const auto expect = [&](const std::string& path, std::errc code, const char* reason) {
                expect_both([&] { fs::remove_all(path); },
                            [&] { return fs::remove_all(path, std::nothrow); }, code,
                            "remove " + path + ": " + reason);
            };
            expect(directory / "root/file/x", std::errc::not_a_directory, "not a directory");
            expect(directory / std::string(300, 'x'), std::errc::filename_too_long,
                   "name too long");
            {
                const FewDescriptors none(0);
                expect(directory / "root", std::errc::too_many_files_open, "too many open files");
            }
            {
                const FewDescriptors one(1);
                const Result<std::uint64_t> removed =
                    fs::remove_all(directory / "root", std::nothrow);
                REQUIRE(!removed);
                CHECK(removed.error().what() ==
                      "remove " + (directory / "root/a") + ": too many open files");
            }
            CHECK(fs::remove_all(directory.path() + std::string(1, '\0'), std::nothrow)
                      .error()
                      .code() == std::errc::invalid_argument);
            CHECK(fs::remove_all(directory / "root") > 0);
        });
    }

    TEST_CASE("a directory that is replaced by a link meanwhile leads nowhere else") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::mkdir(directory / "outside");
            make_files(directory / "outside", 5);
            fs::mkdir(directory / "root");
            fs::mkdir(directory / "root/sub");
            make_files(directory / "root/sub", 600);
            TreeRemover remover(directory / "root");
            CHECK(remover.step());  // it is in the middle of sub
            fs::rename(directory / "root/sub", directory / "moved");
            fs::symlink(directory / "outside", directory / "root/sub");
            while (remover.step()) {
            }
            CHECK(names_in(directory / "outside").size() == 5);
            CHECK(names_in(directory / "moved").empty());
            CHECK(remover.error() == UV_ENOTDIR);
        });
    }

    TEST_CASE("a cancelled removal stops soon and leaves no descriptor") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            fs::mkdir(directory / "root");
            make_files(directory / "root", 600);
            {
                CancelScope scope;
                scope.cancel();
                expect_error(fs::remove_all(directory / "root", std::nothrow), Errc::cancelled,
                             "remove " + (directory / "root") + ": cancelled");
            }
            CHECK(names_in(directory / "root").size() == 600);
            bool cut_short = false;
            while (!cut_short) {  // a slow thread may hear of the cancelling too late
                const BusyPool busy(pool_threads - 1);
                BusyPool last(1);
                CancelScope* scope = nullptr;
                BusyPool::queue([] {}, [&] { scope->cancel(); });
                Bystander removing([&] {
                    CancelScope own;
                    scope = &own;
                    cut_short = !own.run([&] { fs::remove_all(directory / "root"); });
                });
                last.release();
                CHECK(removing.outcome() == "");
                if (!cut_short) {
                    fs::mkdir(directory / "root");
                    make_files(directory / "root", 600);
                }
            }
            CHECK(names_in(directory / "root").size() > 0);
            CHECK(open_descriptors() == before);
        });
    }
}

// SPDX-License-Identifier: MIT
#include <filesystem>
#include <optional>
#include <string>

#include <stdlib.h>

#include <coloop/coloop.hpp>

#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/pool.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;

namespace {

bool exists(const std::string& path) { return std::filesystem::exists(path); }

/// Makes the system want temporary files in a directory while it exists.
class TemporaryPlace {
public:
    explicit TemporaryPlace(const std::string& path) { setenv("TMPDIR", path.c_str(), 1); }

    TemporaryPlace(const TemporaryPlace&) = delete;
    TemporaryPlace& operator=(const TemporaryPlace&) = delete;

    ~TemporaryPlace() { unsetenv("TMPDIR"); }
};

}  // namespace

TEST_SUITE("fs::TemporaryDirectory") {
    TEST_CASE("it is new, for this user only, and gone with all in it after remove") {
        const TemporaryDirectory place;
        run_in_loop([&] {
            fs::TemporaryDirectory made = fs::TemporaryDirectory::create(place / "x-");
            CHECK(made.path().starts_with(place / "x-"));
            CHECK(fs::stat(made.path()).permissions == 0700);
            fs::mkdir(made / "sub");
            fs::write_file(made / "sub/file", "text");
            made.remove();
            CHECK(made.path().empty());
            CHECK(place.size() == 0);
            made.remove();
        });
    }

    TEST_CASE("without a prefix it is where the system wants it") {
        const TemporaryDirectory place;
        const TemporaryPlace environment(place.path());
        run_in_loop([&] {
            const fs::TemporaryDirectory directory = fs::TemporaryDirectory::create();
            CHECK(directory.path().starts_with(place / "coloop-"));
            const fs::TemporaryFile file = fs::TemporaryFile::create();
            CHECK(file.path().starts_with(place / "coloop-"));
        });
        CHECK(place.size() == 0);
    }

    TEST_CASE("the destructor leaves the removal to the pool, which the loop waits for") {
        const TemporaryDirectory place;
        run_in_loop([&] {
            std::optional<fs::TemporaryDirectory> made =
                fs::TemporaryDirectory::create(place / "x-");
            fs::mkdir(*made / "sub");
            fs::write_file(*made / "sub/file", "text");
            BusyPool busy;
            const std::string path = made->path();
            made.reset();
            CHECK(exists(path));  // nobody has waited for it
            busy.release();
        });
        CHECK(place.size() == 0);
    }

    TEST_CASE("outside of coroutines the destructor removes at once") {
        const TemporaryDirectory place;
        std::optional<fs::TemporaryDirectory> made;
        run_in_loop([&] {
            made = fs::TemporaryDirectory::create(place / "x-");
            fs::write_file(*made / "file", "text");
        });
        CHECK(place.size() == 1);
        made.reset();
        CHECK(place.size() == 0);
    }

    TEST_CASE("an exception takes it along") {
        const TemporaryDirectory place;
        run_in_loop([&] {
            CHECK_THROWS_AS(
                [&] {
                    const auto made = fs::TemporaryDirectory::create(place / "x-");
                    fs::write_file(made / "file", "text");
                    static_cast<void>(fs::read_file(made / "missing"));
                }(),
                Error);
        });
        CHECK(place.size() == 0);
    }

    TEST_CASE("what is kept stays, what is moved goes once, what is assigned to goes") {
        const TemporaryDirectory place;
        run_in_loop([&] {
            std::string kept;
            {
                fs::TemporaryDirectory one = fs::TemporaryDirectory::create(place / "x-");
                kept = one.keep();
                CHECK(one.path().empty());
                fs::TemporaryDirectory two = fs::TemporaryDirectory::create(place / "x-");
                const std::string path = two.path();
                fs::TemporaryDirectory three = std::move(two);
                CHECK(three.path() == path);
                three = fs::TemporaryDirectory::create(place / "x-");
            }
            while (place.size() > 1) {
                co_sleep_ns(0);
            }
            CHECK(exists(kept));
            fs::rmdir(kept);
        });
    }

    TEST_CASE("errors of making and removing are told in both forms, and it tries again later") {
        const TemporaryDirectory place;
        run_in_loop([&] {
            const std::string prefix = place / "missing/x-";
            const std::string text = "mkdtemp " + prefix + "XXXXXX: no such file or directory";
            expect_both([&] { static_cast<void>(fs::TemporaryDirectory::create(prefix)); },
                        [&] { return fs::TemporaryDirectory::create(prefix, std::nothrow); },
                        std::errc::no_such_file_or_directory, text);
            {
                fs::TemporaryDirectory made = fs::TemporaryDirectory::create(place / "x-");
                CancelScope scope;
                scope.cancel();
                CHECK_THROWS_AS(made.remove(), Cancelled);
                expect_error(made.remove(std::nothrow), Errc::cancelled,
                             "remove " + made.path() + ": cancelled");
                CHECK(exists(made.path()));
            }
        });
        CHECK(place.size() == 0);
    }
}

TEST_SUITE("fs::TemporaryFile") {
    TEST_CASE("it is open for reading and writing, for this user only, and gone after remove") {
        const TemporaryDirectory place;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            fs::TemporaryFile made = fs::TemporaryFile::create(place / "x-");
            CHECK(fs::stat(made.path()).permissions == 0600);
            made.file().write("text");
            CHECK(fs::read_file(made.path()) == "text");
            made.remove();
            CHECK(!made.file().is_open());
            CHECK(place.size() == 0);
            made.remove();
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("the destructor removes it, in coroutines by way of the pool, elsewhere at once") {
        const TemporaryDirectory place;
        std::optional<fs::TemporaryFile> left;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            static_cast<void>(fs::TemporaryFile::create(place / "x-"));
            while (place.size() > 0) {
                co_sleep_ns(0);
            }
            CHECK(open_descriptors() == before);
            left = fs::TemporaryFile::create(place / "x-");
        });
        CHECK(place.size() == 1);
        left.reset();
        CHECK(place.size() == 0);
    }

    TEST_CASE("what is kept stays open and where it is, what is moved or assigned to goes once") {
        const TemporaryDirectory place;
        run_in_loop([&] {
            fs::NewFile kept;
            {
                fs::TemporaryFile one = fs::TemporaryFile::create(place / "x-");
                kept = one.keep();
                fs::TemporaryFile two = fs::TemporaryFile::create(place / "x-");
                fs::TemporaryFile three = std::move(two);
                three.file().write("text");
                three = fs::TemporaryFile::create(place / "x-");
            }
            while (place.size() > 1) {
                co_sleep_ns(0);
            }
            kept.file.write("kept");
            CHECK(fs::read_file(kept.path) == "kept");
        });
    }

    TEST_CASE("errors of making and removing are told in both forms") {
        const TemporaryDirectory place;
        run_in_loop([&] {
            const std::string prefix = place / "missing/x-";
            expect_both([&] { static_cast<void>(fs::TemporaryFile::create(prefix)); },
                        [&] { return fs::TemporaryFile::create(prefix, std::nothrow); },
                        std::errc::no_such_file_or_directory,
                        "mkstemp " + prefix + "XXXXXX: no such file or directory");
            {
                const FewDescriptors none(0);
                expect_both([&] { static_cast<void>(fs::TemporaryFile::create(place / "x-")); },
                            [&] { return fs::TemporaryFile::create(place / "x-", std::nothrow); },
                            std::errc::too_many_files_open,
                            "mkstemp " + (place / "x-XXXXXX") + ": too many open files");
            }
            fs::TemporaryFile made = fs::TemporaryFile::create(place / "x-");
            fs::unlink(made.path());
            const std::string text = "unlink " + made.path() + ": no such file or directory";
            expect_both([&] { made.remove(); }, [&] { return made.remove(std::nothrow); },
                        std::errc::no_such_file_or_directory, text);
        });
        CHECK(place.size() == 0);
    }

    TEST_CASE("making one outside a coroutine is misuse") {
        expect_misuse([] { static_cast<void>(fs::TemporaryFile::create()); },
                      "cannot mkstemp outside a coroutine");
    }
}

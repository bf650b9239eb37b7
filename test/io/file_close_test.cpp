// SPDX-License-Identifier: MIT
//
// When and by whom a file is closed; and what becomes of requests for which there is no memory.
#include <array>
#include <cstddef>
#include <new>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <coloop/coloop.hpp>

#include "support/files.hpp"
#include "support/pool.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;

namespace {

/// How many of the next `new (std::nothrow)` of this thread find no memory.
thread_local int failing_allocations = 0;

/// Returns when the pool has done all that it has; only one thread of it may be free.
void let_pool_finish() {
    run_blocking([] {});
    co_sleep_ns(0);
}

}  // namespace

void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    if (failing_allocations > 0) {
        --failing_allocations;
        return nullptr;
    }
    try {
        return ::operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

TEST_SUITE("closing a File") {
    TEST_CASE("destroying it closes it, whether it was written to or not") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const BusyPool all_but_one(pool_threads - 1);
            const std::size_t before = open_descriptors();
            { const File file = File::create(directory / "file"); }
            CHECK(open_descriptors() == before);
            { File::open(directory / "file", OpenMode::write).write("x"); }
            let_pool_finish();
            CHECK(open_descriptors() == before);
            File file = File::open(directory / "file");
            file = File::open(directory / "file");
            CHECK(open_descriptors() == before + 1);
            file = File();
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("it may be destroyed after its loop") {
        const TemporaryDirectory directory;
        const std::size_t before = open_descriptors();
        {
            File file;
            run_in_loop([&] {
                file = File::create(directory / "file");
                file.write("text");
            });
            CHECK(open_descriptors() == before + 1);
            run_in_loop([&] { file.write(" more"); });
        }
        CHECK(open_descriptors() == before);
        run_in_loop([&] { CHECK(fs::read_file(directory / "file") == "text more"); });
    }

    TEST_CASE("closing twice is fine, using it after that an error") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File file = File::create(directory / "file");
            file.close();
            file.close();
            File moved_from = File::create(directory / "file");
            const File moved_to = std::move(moved_from);
            for (File* none : {&file, &moved_from}) {  // NOLINT(bugprone-use-after-move)
                CHECK(none->name().empty());
                CHECK_THROWS_WITH_AS(none->write("x"), "write a File that is not open: closed",
                                     Error);
                std::string buffer(4, '\0');
                CHECK(none->read(writable(buffer), std::nothrow).error().code() == Errc::closed);
                CHECK(none->read_at(writable(buffer), 0, std::nothrow).error().code() ==
                      Errc::closed);
                CHECK(none->write_at(bytes("x"), 0, std::nothrow).error().code() == Errc::closed);
                CHECK(none->sync(std::nothrow).error().code() == Errc::closed);
                CHECK(none->stat(std::nothrow).error().code() == Errc::closed);
            }
        });
    }

    TEST_CASE("closing waits for the write under way and refuses those behind it") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File file = File::create(directory / "file");
            std::string order;
            TaskGroup group;
            BusyPool busy;
            group.spawn([&] {
                file.write("first");
                order += "w";
            });
            group.spawn([&] {
                const Result<void> written = file.write("second", std::nothrow);
                REQUIRE(!written);
                CHECK(written.error().code() == Errc::closed);
                order += "r";
            });
            co_sleep_ns(0);
            group.spawn([&] {
                file.close();
                order += "c";
            });
            co_sleep_ns(0);
            CHECK(!file.is_open());
            CHECK(order.empty());
            busy.release();
            group.wait();
            CHECK(order == "wrc");
            CHECK(fs::read_file(directory / "file") == "first");
        });
    }

    TEST_CASE("a native handle is taken over and given away") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const int opened = ::open((directory / "file").c_str(), O_RDWR | O_CREAT, 0600);
            File file = File::adopt(NativeFile{opened}, "mine");
            CHECK(file.native_handle() == NativeFile{opened});
            CHECK(file.name() == "mine");
            file.write("text");
            CHECK(file.release() == NativeFile{opened});
            CHECK(!file.is_open());
            CHECK(fcntl(opened, F_GETFD) != -1);
            ::close(opened);
        });
    }

    TEST_CASE("the standard files stay open") {
        run_in_loop([] {
            File::standard_output().close();
            { const File error = File::standard_error(); }
            CHECK(fcntl(1, F_GETFD) != -1);
            CHECK(fcntl(2, F_GETFD) != -1);
            CHECK(File::standard_input().name() == "standard input");
        });
    }

    TEST_CASE("cancelled when its turn has come, it closes all the same") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            File file = File::create(directory / "file");
            const BusyPool all_but_one(pool_threads - 1);
            BusyPool last(1);
            TaskGroup group;
            Task<void> closer;
            group.spawn([&] {
                file.sync();
                closer.cancel();  // it was woken by the end of the sync and has not run yet
            });
            co_sleep_ns(0);
            closer = group.spawn([&] { file.close(); });
            co_sleep_ns(0);
            last.release();
            group.wait();
            let_pool_finish();
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("without memory for a request it is an error, and closes all the same") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            for (const bool written : {false, true}) {
                File file = File::create(directory / "file");
                if (written) {
                    file.write("text");
                }
                failing_allocations = 2;  // that of the close, and of the one that is left to it
                const Result<void> closed = file.close(std::nothrow);
                CHECK(failing_allocations == (written ? 0 : 1));
                failing_allocations = 0;
                REQUIRE(!closed);
                CHECK(closed.error().code() == std::errc::not_enough_memory);
                CHECK(!file.is_open());
                CHECK(open_descriptors() == before);
            }
        });
    }

    TEST_CASE("without memory for a request a Directory is closed all the same") {
        run_in_loop([] {
            const std::size_t before = open_descriptors();
            fs::Directory directory = fs::Directory::open("/");
            failing_allocations = 1;
            const Result<void> closed = directory.close(std::nothrow);
            CHECK(std::exchange(failing_allocations, 0) == 0);
            REQUIRE(!closed);
            CHECK(closed.error().code() == std::errc::not_enough_memory);
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("without memory for a request no thread of the pool is lost") {
        run_in_loop([] {
            const std::size_t before = blocking_permits().available();
            bool called = false;
            failing_allocations = 1;
            CHECK_THROWS_AS(run_blocking([&] { called = true; }), std::bad_alloc);
            CHECK(std::exchange(failing_allocations, 0) == 0);
            CHECK_FALSE(called);
            CHECK(blocking_permits().available() == before);
        });
    }

    TEST_CASE("random bytes for which there is no memory are an error") {
        run_in_loop([] {
            std::array<std::byte, 8> bytes;
            failing_allocations = 1;  // of the request; its bytes come next
            const Result<void> filled = fill_random(bytes, std::nothrow);
            CHECK(std::exchange(failing_allocations, 0) == 0);
            REQUIRE(!filled);
            CHECK(filled.error().code() == std::errc::not_enough_memory);
        });
    }

    TEST_CASE("a file that nobody takes is closed even if there is no memory for that") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            fs::write_file(directory / "file", "text");
            const BusyPool all_but_one(pool_threads - 1);
            const std::size_t before = open_descriptors();
            TaskGroup group;
            Task<void> opener = group.spawn(
                [&] { static_cast<void>(File::open(directory / "file", OpenMode::read)); });
            checkpoint();
            BusyPool::flush();  // it is open, but the loop has not heard of that
            opener.cancel();
            failing_allocations = 1;
            group.wait();
            while (failing_allocations > 0) {  // until the loop hears of it
                co_sleep_ns(0);
            }
            let_pool_finish();
            CHECK(open_descriptors() == before);
        });
    }
}

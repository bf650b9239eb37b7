// SPDX-License-Identifier: MIT
//
// Cancelling at each moment of a request's life. A request that may be left behind (an open) and
// one that uses the caller's memory (a read or write) differ only when a thread works on them:
//
//                     open                                write, read
//   before            nothing is begun                    nothing is begun
//   queued            taken back                          taken back
//   running           goes on alone, closes what it got   waited for, and counts
//   done, not resumed closes what it got                  counts
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <coloop/coloop.hpp>

#include "coroutine/report.hpp"
#include "support/files.hpp"
#include "support/pool.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;

namespace {

/// What a coroutine that tried something in a scope of its own came back with.
struct Outcome {
    bool ended = false;
    bool cancelled = false;  ///< by Cancelled, at the operation
    bool next_throws = false;
};

/// Starts `function()` in `group`, inside `*scope`.
template <typename Function>
void start(TaskGroup& group, CancelScope*& scope, Outcome& outcome, Function function) {
    group.spawn([&outcome, &scope, function] {
        CancelScope own;
        scope = &own;
        own.run([&] {
            try {
                function();
            } catch (const Cancelled&) {
                outcome.cancelled = true;
            }
            try {
                check_cancelled();
            } catch (const Cancelled&) {
                outcome.next_throws = true;
            }
        });
        scope = nullptr;
        outcome.ended = true;
    });
}

void turns(int count) {
    for (int i = 0; i < count; ++i) {
        co_sleep_ns(0);
    }
}

/// A pipe whose reading end is a File.
struct Pipe {
    Pipe() {
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        reader = File::adopt(NativeFile{ends[0]}, "a pipe");
        writer = ends[1];
    }

    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    ~Pipe() { ::close(writer); }

    void put(std::string_view text) const {
        CHECK(::write(writer, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }

    File reader;
    int writer;
};

}  // namespace

TEST_SUITE("PoolRequest") {
    TEST_CASE("nothing is begun for a cancelled coroutine") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File file = File::create(directory / "file");
            CancelScope scope;
            scope.cancel();
            CHECK_THROWS_AS(fs::mkdir(directory / "made"), Cancelled);
            CHECK_THROWS_AS(file.write("text"), Cancelled);
            CHECK_THROWS_AS(file.write_at(bytes("text"), 0), Cancelled);
            std::string buffer(4, '\0');
            CHECK_THROWS_AS(file.read(writable(buffer)), Cancelled);
            CHECK_THROWS_AS(run_blocking([] { FAIL("was called"); }), Cancelled);
            CHECK_THROWS_AS(run_blocking(abandonable, [] { FAIL("was called"); }), Cancelled);
            const Result<void> made = fs::mkdir(directory / "made", std::nothrow);
            REQUIRE(!made);
            CHECK(made.error().code() == Errc::cancelled);
            CHECK(made.error().what() == "mkdir " + (directory / "made") + ": cancelled");
        });
        CHECK(std::filesystem::file_size(directory / "file") == 0);
        CHECK(!std::filesystem::exists(directory / "made"));
    }

    TEST_CASE("a request that waits for a thread is taken back") {
        const TemporaryDirectory directory;
        std::string text = "untouched";
        run_in_loop([&] {
            File file = File::create(directory / "file");
            Outcome opening;
            Outcome writing;
            Outcome working;
            CancelScope* scopes[3];
            TaskGroup group;
            BusyPool busy;
            start(group, scopes[0], opening,
                  [&] { static_cast<void>(File::create(directory / "opened")); });
            start(group, scopes[1], writing, [&] { file.write(text); });
            start(group, scopes[2], working, [&] { run_blocking([&] { text = "touched"; }); });
            turns(2);
            for (CancelScope* scope : scopes) {
                scope->cancel();
            }
            group.wait();
            for (const Outcome& outcome : {opening, writing, working}) {
                CHECK(outcome.cancelled);
                CHECK(outcome.next_throws);
            }
            busy.release();
        });
        CHECK(text == "untouched");
        CHECK(std::filesystem::file_size(directory / "file") == 0);
        CHECK(!std::filesystem::exists(directory / "opened"));
    }

    TEST_CASE("a cancelled open goes on alone and closes what it has opened") {
        const TemporaryDirectory directory;
        const std::string fifo = directory / "fifo";
        REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
        const std::size_t before = open_descriptors();
        run_in_loop([&] {
            const std::size_t with_loop = open_descriptors();
            Outcome opening;
            CancelScope* scope = nullptr;
            TaskGroup group;
            start(group, scope, opening, [&] { static_cast<void>(File::open(fifo)); });
            turns(1);
            BusyPool::flush();  // a thread has begun with the open by now
            scope->cancel();
            group.wait();
            CHECK(opening.cancelled);
            CHECK(opening.next_throws);

            const int writer = ::open(fifo.c_str(), O_WRONLY | O_CLOEXEC);  // lets it go on
            const char byte = 0;
            while (::write(writer, &byte, 1) == 1) {  // until the other end is closed
                turns(1);
            }
            ::close(writer);
            CHECK(open_descriptors() == with_loop);
        });
        CHECK(open_descriptors() == before);
    }

    TEST_CASE("the loop waits for what was left behind before it closes") {
        const TemporaryDirectory directory;
        const std::string fifo = directory / "fifo";
        REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
        const std::size_t before = open_descriptors();
        {
            Loop loop;
            loop.spawn([&] { static_cast<void>(File::open(fifo)); });
            loop.spawn([&] {
                BusyPool::flush();
                BusyPool::queue([&] { ::close(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC)); });
                loop.cancel();
            });
            loop.run();
        }
        CHECK(open_descriptors() == before);
    }

    TEST_CASE("a loop that is destroyed while requests are pending cancels their callers") {
        const TemporaryDirectory directory;
        const std::string fifo = directory / "fifo";
        REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
        const std::size_t before = open_descriptors();
        bool unwound = false;
        {
            uv_loop_t uv;
            uv_loop_init(&uv);
            auto loop = std::make_unique<Loop>(&uv);
            loop->spawn([&] {
                try {
                    static_cast<void>(File::open(fifo));
                } catch (const Cancelled&) {
                    unwound = true;
                    throw;
                }
            });
            loop->spawn([] { BusyPool::flush(); });
            uv_run(&uv, UV_RUN_NOWAIT);
            loop.reset();
            ::close(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
            uv_run(&uv, UV_RUN_DEFAULT);
            CHECK(uv_loop_close(&uv) == 0);
        }
        CHECK(unwound);
        CHECK(open_descriptors() == before);
    }

    TEST_CASE("a read that a thread has begun is waited for, and what it got counts") {
        run_in_loop([] {
            Pipe pipe;
            std::string buffer(16, '\0');
            std::size_t count = 0;
            Outcome reading;
            CancelScope* scope = nullptr;
            TaskGroup group;
            start(group, scope, reading, [&] { count = pipe.reader.read(writable(buffer)); });
            turns(1);
            BusyPool::flush();
            scope->cancel();
            turns(5);
            CHECK(!reading.ended);
            pipe.put("late");
            group.wait();
            CHECK(!reading.cancelled);
            CHECK(reading.next_throws);
            CHECK(buffer.substr(0, count) == "late");
        });
    }

    TEST_CASE("a result that came first counts, although its caller is cancelled before it runs") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            Outcome opening;
            CancelScope* scope = nullptr;
            TaskGroup group;
            File file;
            const BusyPool busy(pool_threads - 1);
            BusyPool last(1);
            start(group, scope, opening, [&] { file = File::create(directory / "file"); });
            turns(1);
            last.release();
            BusyPool::flush([&] { scope->cancel(); });
            group.wait();
            CHECK(!opening.cancelled);
            CHECK(opening.next_throws);
            CHECK(file.is_open());
        });
    }

    TEST_CASE("a result that came after the cancelling is thrown away") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            Outcome opening;
            CancelScope* scope = nullptr;
            TaskGroup group;
            {
                const BusyPool busy(pool_threads - 1);
                BusyPool last(1);
                BusyPool::queue([] {}, [&] { scope->cancel(); });
                start(group, scope, opening,
                      [&] { static_cast<void>(File::create(directory / "file")); });
                turns(1);
                last.release();
                BusyPool::flush();  // both are done, and the loop knows of neither
                group.wait();
            }
            CHECK(opening.cancelled);
            while (open_descriptors() != before) {  // until the orphan's close is done, too
                turns(1);
            }
        });
        CHECK(std::filesystem::exists(directory / "file"));
    }

    TEST_CASE("a write that was cancelled after it was done counts") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            File file = File::create(directory / "file");
            Outcome writing;
            CancelScope* scope = nullptr;
            TaskGroup group;
            const BusyPool busy(pool_threads - 1);
            BusyPool last(1);
            BusyPool::queue([] {}, [&] { scope->cancel(); });
            start(group, scope, writing, [&] { file.write("text"); });
            turns(1);
            last.release();
            BusyPool::flush();
            group.wait();
            CHECK(!writing.cancelled);
            CHECK(writing.next_throws);
        });
        CHECK(std::filesystem::file_size(directory / "file") == 4);
    }

    TEST_CASE("a close that is cancelled while it waits for a thread happens all the same") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            File file = File::create(directory / "file");
            Outcome closing;
            CancelScope* scope = nullptr;
            TaskGroup group;
            {
                const BusyPool busy;
                start(group, scope, closing, [&] { file.close(); });
                turns(1);
                scope->cancel();
                group.wait();
                CHECK(closing.cancelled);
                CHECK(!file.is_open());
                CHECK(open_descriptors() == before + 1);
            }
            while (open_descriptors() != before) {  // or this test hangs
                turns(1);
            }
        });
    }

    TEST_CASE("who waits for a request can say for which") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            TaskGroup group;
            BusyPool busy;
            std::string seen;
            group.spawn(
                [&] {
                    static_cast<void>(fs::rename(directory / "a", directory / "b", std::nothrow));
                },
                {.name = "mover"});
            turns(1);
            for_each_coroutine([&](const Coroutine& coroutine) {
                if (coroutine.name() == "mover") {
                    seen = describe_state(coroutine, 0);
                }
            });
            CHECK(doctest::String(seen.c_str()) ==
                  doctest::Contains(
                      ("rename " + (directory / "a") + " to " + (directory / "b")).c_str()));
            busy.release();
            group.wait();
        });
    }
}

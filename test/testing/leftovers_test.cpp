// SPDX-License-Identifier: MIT
#include <memory>
#include <optional>
#include <string>

#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/co_queue.hpp>
#include <coloop/file.hpp>
#include <coloop/fs.hpp>
#include <coloop/signal.hpp>
#include <coloop/sleep.hpp>
#include <coloop/tcp.hpp>
#include <coloop/testing.hpp>

#include "support/descriptors.hpp"
#include "support/files.hpp"
#include "testing/support.hpp"

namespace coloop::testing {

namespace {

constexpr const char* left = "left behind when the test had ended\n";

void spawn_and_forget(Loop& loop) {
    loop.spawn([] { CoQueue("wait for Godot").wait(); }, {.name = "forgotten"});
}

}  // namespace

TEST_SUITE("leftovers") {
    TEST_CASE("a coroutine that is left is named, with what it waits for and who spawned it") {
        const std::string text = failure_of([](Loop& loop) { spawn_and_forget(loop); });
        CHECK(contains(text, left));
        CHECK(contains(text, "  coroutine \"forgotten\" waits: wait for Godot\n    by "));
        CHECK(contains(text, "spawn_and_forget"));
        CHECK(contains(text, "leftovers_test.cpp:"));
    }

    TEST_CASE("a coroutine that only needs to be let run is not left") {
        bool ran = false;
        run_test([&](Loop& loop) { loop.spawn([&] { ran = true; }); });
        CHECK(ran);
    }

    TEST_CASE("a sleeper is left, for the clock stands when the test has ended") {
        CHECK(contains(failure_of([](Loop& loop) { loop.spawn([] { co_sleep_ns(1); }); }),
                       " waits: sleep"));
    }

    TEST_CASE("a handle that is left is named, with who opened it, and is closed") {
        std::optional<TcpListener> listener;
        const std::size_t before = coloop::open_descriptors();
        const std::string text = failure_of([&] { listener.emplace("127.0.0.1", 0); });
        CHECK(contains(text, left));
        CHECK(contains(text, "  the handle of 127.0.0.1:"));
        CHECK(contains(text, "leftovers_test.cpp:"));
        listener.reset();
        CHECK(coloop::open_descriptors() == before);
    }

    TEST_CASE("a handle of libuv's that is left is told by its kind") {
        static uv_pipe_t pipe;
        static uv_timer_t timer;
        const std::string text = failure_of([](Loop& loop) {
            uv_timer_init(loop.uv(), &timer);
            uv_pipe_init(loop.uv(), &pipe, 0);
        });
        CHECK(contains(text, "  a uv_pipe_t that was initialised on the loop and not closed"));
        CHECK(contains(text, "  a uv_timer_t that was"));
    }

    TEST_CASE("a descriptor that is left is told by its number and file") {
        int descriptor = -1;
        const std::string text =
            failure_of([&] { descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC); });
        CHECK(text == left + ("  descriptor " + std::to_string(descriptor)) + ": /dev/null");
        run_test([] {});  // it is no news to the next one
        CHECK(failure_of({.watches_descriptors = false}, [&] {
                  CHECK(dup(descriptor) >= 0);
              }).empty());
        ::close(descriptor + 1);
        ::close(descriptor);
    }

    TEST_CASE("a file that is left open is found by its descriptor") {
        const TemporaryDirectory directory;
        const std::string path = directory / "file";
        std::optional<File> file;
        CHECK(contains(
            failure_of([&] { file.emplace(File::open(path, OpenMode::create | OpenMode::write)); }),
            ": " + (directory / "file")));
    }

    TEST_CASE("a file that was open before and is deleted meanwhile is not left") {
        const TemporaryDirectory directory;
        const std::string path = directory / "file";
        const int before = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        REQUIRE(before >= 0);
        CHECK(failure_of([&] { CHECK(::unlink(path.c_str()) == 0); }).empty());
        ::close(before);
    }

    TEST_CASE("a coroutine without a loop that is left in the middle is found by its stack") {
        std::unique_ptr<Coroutine> coroutine;
        const auto test = [&] {
            coroutine =
                std::make_unique<Coroutine>([] { Coroutine::yield(); }, CoroutineOptions{"bare"});
            coroutine->enter();
        };
        CHECK(contains(failure_of(test), "  coroutine \"bare\" yielded; it goes on when"));
        coroutine->enter();
    }

    TEST_CASE("each run of a series is checked, and the first that leaves something fails") {
        int runs = 0;
        const std::string text = text_of_failure([&] {
            run_seeds(100, [&](Loop& loop) {
                if (++runs == 3) {
                    spawn_and_forget(loop);
                }
            });
        });
        CHECK(contains(text, "\"forgotten\""));
        CHECK(runs == 3);
    }

    TEST_CASE("what libuv keeps for itself is nobody's leftover") {
        run_test([] {
            static_cast<void>(fs::stat("/"));
            const TcpListener listener("127.0.0.1", 0);
        });
    }
}

}  // namespace coloop::testing

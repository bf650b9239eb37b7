// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;
using namespace std::chrono_literals;

namespace {

/// Lets a shell do something in a directory.
void shell(const TemporaryDirectory& directory, const std::string& commands) {
    const std::string line = "cd " + directory.path() + " && " + commands;
    CHECK(run_blocking([&] { return std::system(line.c_str()); }) == 0);
}

/// Makes an empty file, which is one event.
void make(const std::string& path) { std::ofstream{path}; }

void append(const std::string& path) { std::ofstream(path, std::ios::app) << "more"; }

/// One line for each event up to that of the entry "end".
std::string events_until_end(DirectoryWatch& watch) {
    std::string text;
    for (;;) {
        const std::optional<DirectoryEvent> event = watch.next();
        REQUIRE(event.has_value());
        if (event->name == "end") {
            return text;
        }
        text += (event->overflow ? "overflow" : event->name) + (event->renamed ? " renamed" : "") +
                (event->changed ? " changed" : "") + '\n';
    }
}

}  // namespace

TEST_SUITE("DirectoryWatch") {
    TEST_CASE("what comes, changes and goes in a directory is an event with its name") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            DirectoryWatch watch(directory.path());
            CHECK(watch.path() == directory.path());
            shell(directory, ": > a; mv a b; echo text >> b; rm b; mkdir c; : > end");
            CHECK(events_until_end(watch) ==
                  "a renamed\n"
                  "b renamed\n"
                  "b changed\n"
                  "b renamed\n"
                  "c renamed\n");
            shell(directory, "chmod 700 c; touch -d 2001-02-03 c; : > c/below; rm end");
            CHECK(events_until_end(watch) == "c renamed changed\n");
        });
    }

    TEST_CASE("a single file can be watched, too") {
        const TemporaryDirectory directory;
        make(directory / "file");
        run_in_loop([&] {
            DirectoryWatch watch(directory / "file");
            append(directory / "file");
            std::optional<DirectoryEvent> event = watch.next();
            REQUIRE(event.has_value());
            CHECK(event->name == "file");
            CHECK(event->changed);
            shell(directory, "rm file");
            do {  // the number of links changes first
                event = watch.next();
            } while (!event->renamed);
            CHECK(event->name == "file");
        });
    }

    TEST_CASE("events are kept in order while nobody asks, equal ones in a row as one") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            DirectoryWatch watch(directory.path());
            make(directory / "a");
            for (int i = 0; i < 5; ++i) {
                append(directory / "a");
                let_others_run();
            }
            make(directory / "b");
            append(directory / "a");
            make(directory / "end");
            CHECK(events_until_end(watch) ==
                  "a renamed\n"
                  "a changed\n"
                  "b renamed\n"
                  "a changed\n");
        });
    }

    TEST_CASE("what there is no room for is lost, says so, and does not stop what follows") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            DirectoryWatch watch(directory.path(), {.capacity = 3});
            for (int round = 0; round < 2; ++round) {
                for (int i = 0; i < 10; ++i) {
                    make(directory / (std::to_string(round) + std::to_string(i)));
                }
                let_others_run();
                const std::string first(1, static_cast<char>('0' + round));
                for (const std::string& name : {first + "0", first + "1", first + "2"}) {
                    const std::optional<DirectoryEvent> event = watch.next();
                    REQUIRE(event.has_value());
                    CHECK(event->name == name);
                    CHECK_FALSE(event->overflow);
                }
                const std::optional<DirectoryEvent> last = watch.next();
                REQUIRE(last.has_value());
                CHECK(last->overflow);
                CHECK(last->name.empty());
            }
            Bystander waiter([&] { CHECK(watch.next()->name == "later"); });
            CHECK_FALSE(waiter.ended());
            make(directory / "later");
            CHECK(waiter.outcome().empty());
        });
    }

    TEST_CASE("several may wait, each for another event, and several may watch the same path") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            DirectoryWatch watch(directory.path());
            DirectoryWatch other(directory.path());
            std::string names;
            Bystander first([&] { names += watch.next()->name; });
            Bystander second([&] { names += watch.next()->name; });
            make(directory / "a");
            make(directory / "b");
            CHECK(first.outcome().empty());
            CHECK(second.outcome().empty());
            CHECK(names == "ab");
            watch.close();
            CHECK(other.next()->name == "a");
            CHECK(other.next()->name == "b");
        });
    }

    TEST_CASE("a cancelled wait takes no event with it") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            DirectoryWatch watch(directory.path());
            Bystander waiter([&] { watch.next(); });
            waiter.cancel();
            make(directory / "a");
            CHECK(waiter.outcome() == "cancelled");
            {
                CancelScope scope;
                scope.cancel();
                expect_error(watch.next(std::nothrow), Errc::cancelled,
                             "watch " + directory.path() + ": cancelled");
            }
            CHECK(watch.next()->name == "a");
        });
    }

    TEST_CASE("a watch may be closed, moved and destroyed while somebody waits") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            DirectoryWatch watch(directory.path());
            Bystander first([&] { CHECK_FALSE(watch.next().has_value()); });
            make(directory / "unread");
            watch.close();
            CHECK(first.outcome().empty());
            CHECK_FALSE(watch.next().has_value());
            watch.close();

            auto moved_from = std::make_unique<DirectoryWatch>(directory.path());
            Bystander second([watch = moved_from.get()] { CHECK(watch->next()->name == "a"); });
            DirectoryWatch moved = std::move(*moved_from);
            CHECK_FALSE(moved_from->next().has_value());
            CHECK(moved_from->path().empty());
            moved_from.reset();
            make(directory / "a");
            CHECK(second.outcome().empty());
            Bystander third([&moved] { CHECK_FALSE(moved.next().has_value()); });
            { const DirectoryWatch destroyed = std::move(moved); }
            CHECK(third.outcome().empty());
            let_others_run();
            CHECK(open_descriptors() <= before + 1);  // libuv's own, for all watches of the loop
        });
    }

    TEST_CASE("a watch that nobody waits for does not keep the loop alive") {
        const TemporaryDirectory directory;
        Loop loop;
        CoQueue queue;
        loop.spawn([&] {
            const DirectoryWatch entries(directory.path());
            const FileWatch file(directory.path(), 1h);
            queue.wait();
        });
        CHECK_FALSE(loop.run());  // a deadlock, which it would not see otherwise
        queue.wake_all();
        CHECK(loop.run());
    }

    TEST_CASE("what can't be watched is an error that names it, in both forms") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string nowhere = directory / "nowhere";
            expect_both([&] { const DirectoryWatch watch(nowhere); },
                        [&] { return DirectoryWatch::watch(nowhere, {}, std::nothrow); },
                        std::errc::no_such_file_or_directory,
                        "watch " + nowhere + ": no such file or directory");
            const std::string cut = directory.path() + std::string("\0x", 2);
            expect_both([&] { const DirectoryWatch watch(cut); },
                        [&] { return DirectoryWatch::watch(cut, {}, std::nothrow); },
                        std::errc::invalid_argument, std::string(("watch " + cut).c_str()));
        });
    }

    TEST_CASE("a loop that ends takes its watches along") {
        const TemporaryDirectory directory;
        const std::size_t before = open_descriptors();
        {
            Loop loop;
            loop.spawn([&] { DirectoryWatch(directory.path()).next(); });
            loop.spawn([&] { FileWatch(directory.path(), 1ms).next(); });
            loop.spawn([&] {
                let_others_run();
                loop.cancel();
            });
            loop.run();
        }
        CHECK(open_descriptors() == before);
    }

    TEST_CASE("a watch in the wrong place is misuse") {
        expect_misuse([] { const DirectoryWatch watch("/"); }, "cannot watch outside a coroutine");
        expect_misuse([] { const FileWatch watch("/", 1s); }, "cannot watch outside a coroutine");
        expect_misuse(
            [] {
                run([] {
                    DirectoryWatch watch("/");
                    std::thread([&] { run([&] { watch.next(); }); }).join();
                });
            },
            "which runs on another loop than the one it was opened on");
    }
}

TEST_SUITE("FileWatch") {
    TEST_CASE("a file that comes, changes and goes is seen each time, as it was and is") {
        const TemporaryDirectory directory;
        const std::string path = directory / "file";
        run_in_loop([&] {
            FileWatch watch(path, 1ms);
            CHECK(watch.path() == path);
            const std::optional<FileChange> absent = watch.next();
            REQUIRE(absent.has_value());
            CHECK_FALSE(absent->before.has_value());
            CHECK_FALSE(absent->after.has_value());
            CHECK(absent->reason == std::errc::no_such_file_or_directory);

            make(path);
            const std::optional<FileChange> made = watch.next();
            CHECK_FALSE(made->before.has_value());
            REQUIRE(made->after.has_value());
            CHECK(made->after->size == 0);
            CHECK(made->after->is_regular());
            CHECK_FALSE(made->reason);

            append(path);
            std::optional<FileChange> grown;
            do {  // the system may change the time first and then the size
                grown = watch.next();
                REQUIRE(grown->before.has_value());
                CHECK(grown->before->size == 0);
            } while (grown->after->size == 0);
            CHECK(grown->after->size == 4);

            shell(directory, "rm file");
            const std::optional<FileChange> gone = watch.next();
            REQUIRE(gone->before.has_value());
            CHECK(gone->before->size == 4);
            CHECK_FALSE(gone->after.has_value());
            CHECK(gone->reason == std::errc::no_such_file_or_directory);

            make(path);
            const std::optional<FileChange> again = watch.next();
            CHECK_FALSE(again->before.has_value());
            CHECK(again->after->size == 0);
        });
    }

    TEST_CASE("changes that come while nobody waits are one, from the first to the last") {
        const TemporaryDirectory directory;
        const std::string path = directory / "file";
        run_in_loop([&] {
            FileWatch watch(path, 1ms);
            watch.next();
            FileWatch witness(path, 1ms);
            witness.next();
            for (int i = 0; i < 3; ++i) {
                append(path);
                witness.next();
            }
            std::optional<FileChange> change = watch.next();
            CHECK_FALSE(change->before.has_value());
            if (change->after->size < 12) {  // the two watches don't look at the same moment
                change = watch.next();
            }
            CHECK(change->after->size == 12);
        });
    }

    TEST_CASE("a wait for a change can be cancelled and closed") {
        const TemporaryDirectory directory;
        const std::string path = directory / "file";
        make(path);
        run_in_loop([&] {
            FileWatch watch(path, 1ms);
            Bystander waiter([&] { watch.next(); });
            waiter.cancel();
            CHECK(waiter.outcome() == "cancelled");
            {
                CancelScope scope;
                scope.cancel();
                expect_error(watch.next(std::nothrow), Errc::cancelled,
                             "watch " + path + ": cancelled");
            }
            Bystander other([&] { CHECK_FALSE(watch.next().has_value()); });
            watch.close();
            CHECK(other.outcome().empty());
            watch.close();
            const std::string cut(path + std::string("\0x", 2));
            expect_both([&] { const FileWatch none(cut, 1s); },
                        [&] { return FileWatch::watch(cut, 1s, std::nothrow); },
                        std::errc::invalid_argument, std::string(("watch " + cut).c_str()));
            FileWatch moved = FileWatch(path, 1h);
            FileWatch taken = std::move(moved);
            CHECK_FALSE(moved.next().has_value());
            CHECK(taken.path() == path);
        });
    }
}

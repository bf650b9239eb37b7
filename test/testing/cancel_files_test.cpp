// SPDX-License-Identifier: MIT
//
// On real files. A request that is cancelled may have been carried out or not; nothing in between.
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include <coloop/blocking.hpp>
#include <coloop/co_semaphore.hpp>
#include <coloop/file.hpp>
#include <coloop/fs.hpp>

#include "support/files.hpp"
#include "testing/scenarios.hpp"

namespace coloop::testing {

namespace {

/// Where the scenarios work; each finds the file "old" there, with ten bytes.
std::string folder;

std::string place(const char* name) { return folder + '/' + name; }

File open_old() { return File::open(place("old"), OpenMode::read_write); }

/// True if there is such a file.
bool exists(const char* name) {
    return std::filesystem::exists(std::filesystem::path(place(name)));
}

void remove(const char* name) { std::filesystem::remove_all(std::filesystem::path(place(name))); }

void open_a_file(Attempt& attempt) {
    attempt.run([] { expect(open_old().is_open()); });
}

void make_a_file(Attempt& attempt) {
    attempt.run([] {
        File file = File::create(place("new"));
        file.write("hello");
        file.write(" world");
        file.close();
    });
    remove("new");
}

void read_a_file(Attempt& attempt) {
    File file = open_old();
    std::array<std::byte, 4> buffer{};
    attempt.run([&] {
        while (file.read(buffer) > 0) {
            give_way();
        }
    });
}

void read_at(Attempt& attempt) {
    File file = open_old();
    std::array<std::byte, 4> buffer{};
    const std::span<std::byte> pieces[] = {std::span(buffer).first(1), std::span(buffer).last(2)};
    attempt.run([&] {
        expect(file.read_at(buffer, 8) == 2);
        expect(file.read_at(pieces, 0) == 3);
        give_way();
    });
}

void write_at(Attempt& attempt) {
    File file = open_old();
    const std::span<const std::byte> pieces[] = {bytes("ab"), bytes("c")};
    attempt.run([&] {
        file.write_at(bytes("xyz"), 3);
        file.write_at(pieces, 0);
    });
    expect(file.stat().size == 10);
}

void two_write_to_a_file(Attempt& attempt) {
    File file = File::create(place("new"));
    attempt.run([&] {
        TaskGroup group;
        for (const char* text : {"aaa", "bbb"}) {
            group.spawn([&file, text] { file.write(text); });
        }
        group.wait();
    });
    expect(file.stat().size % 3 == 0);
    remove("new");
}

void sync_a_file(Attempt& attempt) {
    File file = open_old();
    attempt.run([&] {
        file.data_sync();
        file.sync();
    });
}

void ask_about_a_file(Attempt& attempt) {
    File file = open_old();
    attempt.run([&] { expect(file.stat().size == 10); });
}

void change_a_file(Attempt& attempt) {
    File file = open_old();
    attempt.run([&] {
        file.truncate(20);
        file.chmod(0600);
        const FileInfo info = file.stat();
        file.utime(info.accessed, info.modified);
        file.truncate(10);
    });
    file.truncate(10);
}

void close_a_file(Attempt& attempt) {
    File file = File::open(place("old"), OpenMode::read_write);
    file.write("abc");
    attempt.run([&] {
        file.close();
        give_way();
    });
}

/// One closes it while another uses it.
void close_a_file_in_use(Attempt& attempt) {
    File file = open_old();
    TaskGroup group;
    group.spawn([&] { static_cast<void>(file.sync(std::nothrow).has_value()); });
    give_way();
    attempt.run([&] { file.close(); });
    group.wait();
}

void ask_about_paths(Attempt& attempt) {
    attempt.run([] {
        expect(fs::stat(place("old")).size == 10);
        expect(fs::lstat(place("old")).size == 10);
        static_cast<void>(fs::statfs(folder));
        fs::access(place("old"), fs::Access::read);
    });
}

void make_and_remove_a_directory(Attempt& attempt) {
    attempt.run([] {
        fs::mkdir(place("new"));
        fs::rmdir(place("new"));
    });
    remove("new");
}

void rename_a_file(Attempt& attempt) {
    attempt.run([] {
        fs::rename(place("old"), place("new"));
        fs::rename(place("new"), place("old"));
    });
    expect(exists("old") != exists("new"));
    if (exists("new")) {
        fs::rename(place("new"), place("old"));
    }
}

void unlink_a_file(Attempt& attempt) {
    fs::write_file(place("new"), "x");
    attempt.run([] { fs::unlink(place("new")); });
    remove("new");
}

void link_a_file(Attempt& attempt) {
    attempt.run([] {
        fs::link(place("old"), place("new"));
        fs::unlink(place("new"));
        fs::symlink("old", place("new"));
        expect(fs::readlink(place("new")) == "old");
        expect(fs::realpath(place("new")) == place("old"));
    });
    remove("new");
}

void change_a_path(Attempt& attempt) {
    attempt.run([] {
        const FileInfo info = fs::stat(place("old"));
        fs::chmod(place("old"), 0644);
        const auto owner = static_cast<unsigned>(info.owner);
        const auto group = static_cast<unsigned>(info.group);
        fs::chown(place("old"), owner, group);
        fs::lchown(place("old"), owner, group);
        fs::utime(place("old"), info.accessed, info.modified);
        fs::lutime(place("old"), info.accessed, info.modified);
    });
}

void copy_a_file(Attempt& attempt) {
    attempt.run([] { fs::copy_file(place("old"), place("new")); });
    remove("new");
}

/// What a cancelled one has made is gone again, or it was never made.
void make_temporary_things(Attempt& attempt) {
    attempt.run([] {
        const fs::NewFile file = fs::mkstemp(place("file-"));
        expect(fs::stat(file.path).size == 0);
        static_cast<void>(fs::mkdtemp(place("folder-")));
    });
}

void list_a_directory(Attempt& attempt) {
    attempt.run([] { expect_not(fs::scandir(folder).empty()); });
}

void read_a_whole_file(Attempt& attempt) {
    attempt.run([] { expect(fs::read_file(place("old")).size() == 10); });
}

/// The file has the old content or the new, never a part, and no second file stays.
void write_a_whole_file(Attempt& attempt) {
    fs::mkdir(place("alone"));
    const std::string path = place("alone") + "/file";
    fs::write_file(path, "before");
    const std::string after(100'000, 'a');
    const bool whole = attempt.run([&] { fs::write_file(path, after); });
    const std::string found = fs::read_file(path);
    expect((found == after || (!whole && found == "before")));
    while (fs::scandir(place("alone")).size() != 1) {
        // The pool has yet to remove the file that was being made when the cancelling came.
    }
    remove("alone");
}

void call_on_the_pool(Attempt& attempt) {
    int calls = 0;
    const bool whole = attempt.run([&] { expect(run_blocking([&] { return ++calls; }) == 1); });
    expect((!whole || calls == 1));
}

void call_on_the_pool_that_throws(Attempt& attempt) {
    attempt.run([] {
        expect_thrown<std::runtime_error>(
            [] { run_blocking([] { throw std::runtime_error("from the pool"); }); });
        give_way();
    });
}

void abandon_a_call_on_the_pool(Attempt& attempt) {
    const std::size_t permits = blocking_permits().available();
    attempt.run([] {
        expect(run_blocking(abandonable, [text = std::string(100, 'x')] { return text; }).size() ==
               100);
    });
    run_blocking([] {});
    while (blocking_permits().available() != permits) {
        give_way();
    }
}

/// More calls than threads, one of which is cancelled while it waits for a permit.
void queue_for_the_pool(Attempt& attempt) {
    const std::size_t permits = blocking_permits().available();
    int calls = 0;
    attempt.run([&] {
        TaskGroup group;
        for (int i = 0; i < 8; ++i) {
            group.spawn([&] {
                run_blocking([] {});
                ++calls;
            });
        }
        group.wait();
    });
    expect((attempt.cancelled() || calls == 8));
    expect(blocking_permits().available() == permits);
}

constexpr Scenario scenarios[] = {
    {"open a file", open_a_file},
    {"make a file, write to it and close it", make_a_file},
    {"read a file", read_a_file},
    {"read at an offset", read_at},
    {"write at an offset", write_at},
    {"two write to a file", two_write_to_a_file},
    {"sync a file", sync_a_file},
    {"ask about an open file", ask_about_a_file},
    {"change an open file", change_a_file},
    {"close a file that was written", close_a_file},
    {"close a file that is in use", close_a_file_in_use},
    {"ask about paths", ask_about_paths},
    {"make and remove a directory", make_and_remove_a_directory},
    {"rename a file", rename_a_file},
    {"unlink a file", unlink_a_file},
    {"link a file", link_a_file},
    {"change a path", change_a_path},
    {"copy a file", copy_a_file},
    {"make a temporary file and folder", make_temporary_things},
    {"list a directory", list_a_directory},
    {"read a whole file", read_a_whole_file},
    {"write a whole file", write_a_whole_file},
    {"call a function on the pool", call_on_the_pool},
    {"call a function on the pool that throws", call_on_the_pool_that_throws},
    {"abandon a call on the pool", abandon_a_call_on_the_pool},
    {"queue for the pool", queue_for_the_pool},
};

}  // namespace

std::span<const Scenario> file_scenarios() { return scenarios; }

TEST_SUITE("cancel at every step") {
    TEST_CASE("files, paths and the thread pool") {
        const TemporaryDirectory directory;
        folder = std::filesystem::canonical(directory.path()).string();
        run_test([] { fs::write_file(place("old"), "0123456789"); });
        cancel_each(scenarios, {.order = Order::fifo});
    }
}

}  // namespace coloop::testing

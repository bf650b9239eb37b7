// SPDX-License-Identifier: MIT
//
// What belongs to the system: child processes, terminals, signals, directories and what goes on in
// them, temporary things, and the standard streams.
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <coloop/directory.hpp>
#include <coloop/fs.hpp>
#include <coloop/process.hpp>
#include <coloop/signal.hpp>
#include <coloop/standard_stream.hpp>
#include <coloop/temporary.hpp>
#include <coloop/tty.hpp>
#include <coloop/watch.hpp>

#include "support/files.hpp"
#include "support/pty.hpp"
#include "support/trees.hpp"
#include "testing/scenarios.hpp"

namespace coloop::testing {

using namespace std::chrono_literals;

namespace {

using Bytes = std::array<std::byte, 64>;

/// Where the scenarios work; each finds it empty.
std::string folder;

std::string place(const char* name) { return folder + '/' + name; }

/// What was left to the thread pool to remove is gone when this returns.
void wait_until_empty() {
    while (!std::filesystem::is_empty(std::filesystem::path(folder))) {
        give_way();
    }
}

// ---- processes ----

void wait_for_a_process(Attempt& attempt) {
    Process process({"true"});
    attempt.run([&] { expect(process.wait().success()); });
    expect(process.wait().success());
}

void run_a_process(Attempt& attempt) {
    attempt.run([] { expect(run_process({"cat"}, {.input = "hello"}).output == "hello"); });
}

void talk_to_a_process(Attempt& attempt) {
    attempt.run([] {
        Process process({"cat"}, {.input = Stdio::pipe(), .output = Stdio::pipe()});
        process.input().write("hello");
        Bytes buffer{};
        process.output().read_exactly(std::span(buffer).first(5));
        process.input().close();
        expect(process.output().read(buffer) == 0);
        expect(process.wait().success());
    });
}

/// Asked to, it ends; cancelled, it is killed.
void terminate_a_process(Attempt& attempt) {
    Process process({"sleep", "1000"});
    const bool whole = attempt.run([&] { expect(process.terminate(1000s).signal == SIGTERM); });
    const int signal = process.wait().signal;
    expect((signal == SIGTERM || (!whole && signal == SIGKILL)));
}

/// It is killed and reaped without its owner.
void leave_a_process(Attempt& attempt) {
    attempt.run([] {
        const Process process({"sleep", "1000"});
        give_way();
        give_way();
    });
}

void process_on_a_terminal(Attempt& attempt) {
    attempt.run([] {
        Process process({"cat"}, {.terminal = TerminalSize{.columns = 80, .rows = 24}});
        process.terminal().write("hello\n");
        Bytes buffer{};
        process.terminal().read_exactly(std::span(buffer).first(7));  // its echo
        process.terminal().shutdown_write();
        while (process.terminal().read(buffer) > 0) {
        }
        expect(process.wait().success());
    });
}

// ---- terminals and signals ----

void read_from_a_terminal(Attempt& attempt) {
    const Pty pty;
    Terminal terminal = Terminal::open(pty.terminal());
    Bytes buffer{};
    std::size_t got = 0;
    TaskGroup group;
    when_all_blocked(group, [&] { pty.type("ab\n"); });
    attempt.run([&] { got = terminal.read(buffer); });
    group.wait();
    if (got == 0) {  // nothing was lost
        got = terminal.read(buffer);
    }
    expect(got == 3);
}

void change_a_terminal(Attempt& attempt) {
    const Pty pty;
    Terminal terminal = Terminal::open(pty.terminal());
    attempt.run([&] {
        const TerminalModeGuard guard(terminal, TerminalMode::raw);
        terminal.write("x");
        give_way();
    });
    expect(terminal.mode() == TerminalMode::normal);
}

void terminal_that_is_resized(Attempt& attempt) {
    const Pty pty;
    Terminal terminal = Terminal::open(pty.terminal());
    const TerminalSize before = terminal.size();
    TaskGroup group;
    when_all_blocked(group, [&] {
        pty.resize(91, 17);
        std::raise(SIGWINCH);  // which the system sends only where it is the controlling one
    });
    attempt.run([&] { expect(terminal.wait_resize(before).columns == 91); });
    group.wait();
    expect(terminal.size().columns == 91);
}

/// The signal that a cancelled one has not got is there for the next.
void signal_of_a_set(Attempt& attempt) {
    SignalSet signals({SIGUSR1, SIGUSR2});
    int got = 0;
    TaskGroup group;
    when_all_blocked(group, [] { std::raise(SIGUSR2); });
    attempt.run([&] { got = signals.wait(); });
    group.wait();
    if (got == 0) {
        got = signals.wait();
    }
    expect(got == SIGUSR2);
    expect(signals.received(SIGUSR2) == 1);
}

void set_that_is_closed(Attempt& attempt) {
    SignalSet signals({SIGUSR1});
    TaskGroup group;
    when_all_blocked(group, [&] { signals.close(); });
    attempt.run([&] { expect_not(signals.wait(std::nothrow)); });
    group.wait();
}

// ---- directories ----

void watch_a_directory(Attempt& attempt) {
    std::optional<DirectoryEvent> event;
    {
        DirectoryWatch watch(folder);
        TaskGroup group;
        when_all_blocked(group, [] { std::ofstream{place("new")}; });
        attempt.run([&] { event = watch.next(); });
        group.wait();
        if (!event) {  // it was not lost with the one who was cancelled
            event = watch.next();
        }
    }
    expect((event && event->name == "new"));
    fs::unlink(place("new"));
}

void watch_that_is_closed(Attempt& attempt) {
    DirectoryWatch watch(folder);
    TaskGroup group;
    when_all_blocked(group, [&] { watch.close(); });
    attempt.run([&] { expect_not(watch.next()); });
    group.wait();
}

void watch_a_file(Attempt& attempt) {
    FileWatch watch(place("missing"), 1ms);
    std::optional<FileChange> change;
    attempt.run([&] { change = watch.next(); });
    if (!change) {
        change = watch.next();
    }
    expect((change && !change->after));
}

/// `next()` gives one thing after the other; what a cancelled coroutine has not got the next gets.
template <typename Next>
void go_through_all(Attempt& attempt, std::size_t expected, Next next) {
    std::size_t count = 0;
    const auto rest = [&] {
        while (next()) {
            ++count;
            give_way();
        }
    };
    attempt.run(rest);
    rest();
    expect(count == expected);
}

void read_a_directory(Attempt& attempt) {
    make_files(folder, 3);
    fs::Directory directory = fs::Directory::open(folder);
    go_through_all(attempt, 3, [&] { return directory.next().has_value(); });
    directory.close();
    fs::remove_all(folder);
    fs::mkdir(folder);
}

void close_a_directory(Attempt& attempt) {
    attempt.run([] {
        fs::Directory directory = fs::Directory::open(folder);
        expect_not(directory.next());
        directory.close();
    });
}

void walk_a_tree(Attempt& attempt) {
    make_tree(place("tree"), folder);
    fs::Walk walk(place("tree"));
    go_through_all(attempt, 8, [&] { return walk.next().has_value(); });
    fs::remove_all(place("tree"));
}

void remove_a_tree(Attempt& attempt) {
    make_tree(place("tree"), folder);
    const bool whole = attempt.run([] { expect(fs::remove_all(place("tree")) == 9); });
    expect((!whole || !std::filesystem::exists(std::filesystem::path(place("tree")))));
    fs::remove_all(place("tree"));
    expect(std::filesystem::is_empty(std::filesystem::path(folder)));
}

// ---- temporary things ----

void use_a_temporary_file(Attempt& attempt) {
    attempt.run([] {
        fs::TemporaryFile file = fs::TemporaryFile::create(place("file-"));
        file.file().write("text");
        file.remove();
    });
    wait_until_empty();
}

void use_a_temporary_directory(Attempt& attempt) {
    attempt.run([] {
        fs::TemporaryDirectory directory = fs::TemporaryDirectory::create(place("directory-"));
        fs::write_file(directory / "file", "text");
        directory.remove();
    });
    wait_until_empty();
}

// ---- standard streams ----

/// Has a descriptor of the process lead to one end of a pipe, while it exists.
class Redirected {
public:
    explicit Redirected(int number) : number_(number), before_(::dup(number)) {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        const int ours = number == 0 ? 1 : 0;
        far_ = ends[ours];
        REQUIRE(::dup2(ends[1 - ours], number) == number);
        ::close(ends[1 - ours]);
    }

    Redirected(const Redirected&) = delete;
    Redirected& operator=(const Redirected&) = delete;

    ~Redirected() {
        ::dup2(before_, number_);
        ::close(before_);
        ::close(far_);
    }

    /// The other end.
    [[nodiscard]] int far() const { return far_; }

private:
    int number_;
    int before_;
    int far_ = -1;
};

void read_standard_input(Attempt& attempt) {
    const Redirected input(0);
    StandardStream stream = standard_input();
    Bytes buffer{};
    std::size_t got = 0;
    TaskGroup group;
    when_all_blocked(group, [&] { expect(::write(input.far(), "hello", 5) == 5); });
    attempt.run([&] { got = stream.read(buffer); });
    group.wait();
    if (got == 0) {
        got = stream.read(buffer);
    }
    expect(got == 5);
    stream.close();
}

void write_standard_error(Attempt& attempt) {
    std::optional<Redirected> error(std::in_place, 2);
    PipeStream far =
        PipeStream::adopt_descriptor(Descriptor::duplicate(NativeDescriptor{error->far()}));
    StandardStream stream = standard_error();
    const std::vector<std::byte> bytes(200'000);
    std::size_t got = 0;
    TaskGroup group;
    when_all_blocked(group, [&] {
        std::vector<std::byte> buffer(64 * 1024);
        while (const std::size_t count = far.read(buffer)) {
            got += count;
        }
    });
    const bool whole = attempt.run([&] { stream.write(bytes); });
    stream.close();
    error.reset();
    group.wait();
    expect((!whole || got == bytes.size()));
}

constexpr Scenario scenarios[] = {
    {"wait for a process", wait_for_a_process},
    {"run a process", run_a_process},
    {"talk to a process", talk_to_a_process},
    {"terminate a process", terminate_a_process},
    {"leave a process", leave_a_process},
    {"a process on a terminal", process_on_a_terminal},
    {"read from a terminal", read_from_a_terminal},
    {"change a terminal", change_a_terminal},
    {"wait until a terminal is resized", terminal_that_is_resized},
    {"wait for a signal of a set", signal_of_a_set},
    {"wait for a set that is closed", set_that_is_closed},
    {"watch a directory", watch_a_directory},
    {"wait for a watch that is closed", watch_that_is_closed},
    {"watch a file", watch_a_file},
    {"read a directory", read_a_directory},
    {"close a directory", close_a_directory},
    {"walk a tree", walk_a_tree},
    {"remove a tree", remove_a_tree},
    {"use a temporary file", use_a_temporary_file},
    {"use a temporary directory", use_a_temporary_directory},
    {"read standard input", read_standard_input},
    {"write standard error", write_standard_error},
};

}  // namespace

std::span<const Scenario> system_scenarios() { return scenarios; }

TEST_SUITE("cancel at every step") {
    TEST_CASE("processes, terminals, signals, directories and standard streams") {
        const coloop::TemporaryDirectory directory;
        folder = std::filesystem::canonical(directory.path()).string();
        cancel_each(scenarios, {.order = Order::fifo, .patience = 10s});
    }
}

}  // namespace coloop::testing

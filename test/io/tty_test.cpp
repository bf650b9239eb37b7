// SPDX-License-Identifier: MIT
//
// Terminals, real ones, of which stty says in what state they are.
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include <sys/wait.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/death.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/loop_turns.hpp"
#include "support/pty.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

std::string read_text(Reader& reader) {
    std::array<std::byte, 64> buffer;
    const std::size_t count = reader.read(buffer);
    return {reinterpret_cast<const char*>(buffer.data()), count};
}

/// A process that ends in raw mode, as `end()` has it.
Death die_raw(const Pty& pty, const std::function<void()>& end) {
    return die([&] {
        signal(SIGINT, SIG_DFL);  // which the test frame has a handler for
        run([&] {
            Terminal terminal = Terminal::open(pty.terminal());
            terminal.set_mode(TerminalMode::raw);
            if (pty.setting("icanon") != "-icanon") {
                _exit(99);
            }
            end();
        });
    });
}

/// Ends on no stack.
[[maybe_unused, gnu::noinline]] int recurse(int depth) {
    volatile char frame[1000];
    frame[0] = static_cast<char>(depth);
    return depth == 0 ? 0 : recurse(depth - 1) + frame[0];
}

}  // namespace

TEST_CASE("a terminal is read by lines, with echo, until it is raw") {
    run_in_loop([] {
        const Pty pty;
        Terminal terminal = Terminal::open(pty.terminal());
        CHECK(terminal.mode() == TerminalMode::normal);
        pty.type("ab\n");
        CHECK(read_text(terminal) == "ab\n");
        CHECK(pty.shown(4) == "ab\r\n");
        {
            const TerminalModeGuard guard(terminal, TerminalMode::raw);
            CHECK(pty.setting("icanon") == "-icanon");
            CHECK(pty.setting("echo") == "-echo");
            CHECK(pty.setting("isig") == "-isig");
            pty.type("\x03");
            CHECK(read_text(terminal) == "\x03");
            terminal.write("x\n");
            CHECK(pty.shown(3) == "x\r\n");
        }
        CHECK(pty.setting("icanon") == "icanon");
        terminal.set_mode(TerminalMode::binary);
        CHECK(terminal.mode() == TerminalMode::binary);
        CHECK(pty.setting("opost") == "-opost");
        terminal.write("y\n");
        CHECK(pty.shown(2) == "y\n");
        terminal.set_mode(TerminalMode::normal);
        CHECK(pty.setting("opost") == "opost");
        CHECK(pty.setting("echo") == "echo");
    });
}

TEST_CASE("a terminal's mode is put back on every way out of the code that set it") {
    run_in_loop([] {
        const Pty pty;
        const auto raw = [&] {
            Terminal terminal = Terminal::open(pty.terminal());
            terminal.set_mode(TerminalMode::raw);
            REQUIRE(pty.setting("icanon") == "-icanon");
            return terminal;
        };
        raw().close();
        CHECK(pty.setting("icanon") == "icanon");
        { const Terminal destroyed = raw(); }
        CHECK(pty.setting("icanon") == "icanon");
        Terminal terminal = Terminal::open(pty.terminal());
        try {
            const TerminalModeGuard guard(terminal, TerminalMode::raw);
            throw std::runtime_error("out");
        } catch (const std::runtime_error&) {
            CHECK(pty.setting("echo") == "echo");
        }
        CHECK_FALSE(move_on_after(std::chrono::milliseconds(1), [&] {
            const TerminalModeGuard guard(terminal, TerminalMode::raw);
            read_text(terminal);
        }));
        CHECK(pty.setting("echo") == "echo");
    });
}

TEST_CASE("a terminal's mode is put back when the process ends, in whatever way") {
    const Pty pty;
    // How exit() ends is not asked: what earlier tests have started is not there in the child.
    die_raw(pty, [] { std::exit(7); });
    CHECK(pty.setting("icanon") == "icanon");

    const struct {
        int signal;
        std::function<void()> end;
    } ways[] = {
        {SIGABRT, [] { std::abort(); }},
        {SIGABRT, [] { std::terminate(); }},
        {SIGTERM, [] { raise(SIGTERM); }},
        {SIGINT, [] { kill(getpid(), SIGINT); }},
        {SIGHUP, [] { raise(SIGHUP); }},
#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN) && !defined(COLOOP_EMULATED)
        {SIGSEGV, [] { *static_cast<volatile int*>(nullptr) = 1; }},
        {SIGSEGV, [] { raise(SIGSEGV); }},
        {SIGSEGV, [] { std::exit(recurse(100'000)); }},
#endif
    };
    for (const auto& way : ways) {
        const Death death = die_raw(pty, way.end);
        CAPTURE(death.words);
        CHECK(death.signal == way.signal);
        CHECK(pty.setting("icanon") == "icanon");
        CHECK(pty.setting("echo") == "echo");
    }
}

TEST_CASE("signals do what they did before once no terminal is raw") {
    const Pty pty;
    run_in_loop([&] {
        struct sigaction before {};
        sigaction(SIGUSR1, nullptr, &before);
        Terminal terminal = Terminal::open(pty.terminal());
        terminal.set_mode(TerminalMode::raw);
        struct sigaction during {};
        sigaction(SIGUSR1, nullptr, &during);
        const bool watched = during.sa_sigaction != before.sa_sigaction;
        CHECK(watched);
        terminal.set_mode(TerminalMode::normal);
        struct sigaction after {};
        sigaction(SIGUSR1, nullptr, &after);
        const bool as_before = after.sa_handler == before.sa_handler;
        CHECK(as_before);
    });
}

TEST_CASE("who shares a terminal's descriptor notices nothing of it") {
    run_in_loop([] {
        const Pty pty;
        const int flags = fcntl(pty.number(), F_GETFL);
        static_cast<void>(pipe_pair());  // libuv keeps a descriptor in reserve from then on
        const std::size_t before = open_descriptors();
        {
            Terminal terminal = Terminal::open(pty.terminal());
            CHECK(fcntl(pty.number(), F_GETFL) == flags);
            terminal.write("x");
            CHECK(pty.shown(1) == "x");
            terminal.close();
        }
        CHECK(open_descriptors() == before);
        CHECK(fcntl(pty.number(), F_GETFL) == flags);
    });
}

TEST_CASE("a terminal knows the size of its window, and says when that changes") {
    run_in_loop([] {
        const Pty pty;
        shell("stty -F " + pty.path() + " rows 40 cols 132");
        Terminal terminal = Terminal::open(pty.terminal());
        CHECK(terminal.size() == TerminalSize{132, 40});
        CHECK(terminal.wait_resize({80, 24}) == TerminalSize{132, 40});
        TerminalSize seen;
        Bystander waiter([&] { seen = terminal.wait_resize({132, 40}); });
        raise(SIGWINCH);  // of another terminal
        let_others_run();
        CHECK_FALSE(waiter.ended());
        pty.resize(20, 10);  // it is not this process's own, so nobody sends the signal
        raise(SIGWINCH);
        CHECK(waiter.outcome().empty());
        CHECK(seen == TerminalSize{20, 10});

        Bystander cancelled([&] { terminal.wait_resize({20, 10}); });
        cancelled.cancel();
        CHECK(cancelled.outcome() == "cancelled");
        Bystander closed([&] { terminal.wait_resize({20, 10}); });
        terminal.close();
        CHECK(closed.outcome() == "wait for another size of a terminal: closed");
    });
}

TEST_CASE("the system tells the process whose terminal changes its size") {
    const Pty pty;
    const pid_t process = fork();
    if (process == 0) {
        signal(SIGTERM, SIG_DFL);
        setsid();
        const int own = open(pty.path().c_str(), O_RDWR | O_CLOEXEC);
        ioctl(own, TIOCSCTTY, 0);
        _exit(run([&] {
            Terminal terminal = Terminal::open(NativeDescriptor{own});
            const TerminalSize before = terminal.size();
            TaskGroup group;
            group.spawn([&] {
                const TerminalSize after = terminal.wait_resize(before);
                terminal.write(std::to_string(after.columns) + '!');
            });
            let_others_run();
            terminal.write("waiting");
            group.wait();
        }));
    }
    CHECK(pty.shown(7) == "waiting");
    pty.resize(55, 11);
    CHECK(pty.shown(3) == "55!");
    int status = -1;
    waitpid(process, &status, 0);
    CHECK(status == 0);
}

TEST_CASE("a terminal that hangs up ends its reader, and closing it whoever waits") {
    run_in_loop([] {
        Pty pty;
        Terminal terminal = Terminal::open(pty.terminal(), "the console");
        std::string read;
        Bystander reader([&] { read = read_text(terminal); });
        pty.hang_up();
        const std::string outcome = reader.outcome();
        CHECK(read.empty());
        CHECK((outcome.empty() || outcome == "read the console: i/o error"));

        const Pty other;
        Terminal closed = Terminal::open(other.terminal());
        Bystander waiter([&] { read_text(closed); });
        closed.close();
        CHECK(waiter.outcome() == "read a terminal: closed");
    });
}

TEST_CASE("what is no terminal, or is closed, is an error in both forms") {
    run_in_loop([] {
        const Descriptor null{NativeDescriptor{open("/dev/null", O_RDWR | O_CLOEXEC)}};
        expect_both([&] { Terminal::open(null.native()); },
                    [&] { return Terminal::open(null.native(), "a terminal", std::nothrow); },
                    std::errc::inappropriate_io_control_operation,
                    "open a terminal: inappropriate ioctl for device");
        Terminal closed;
        expect_error(closed.set_mode(TerminalMode::raw, std::nothrow), Errc::closed,
                     "set the mode of a Terminal that is not open: closed");
        expect_error(closed.size(std::nothrow), Errc::closed,
                     "get the size of a Terminal that is not open: closed");
        expect_error(closed.wait_resize({}, std::nothrow), Errc::closed,
                     "wait for another size of a Terminal that is not open: closed");
        CHECK_THROWS_AS(closed.set_mode(TerminalMode::raw), Error);
        CHECK_THROWS_AS(static_cast<void>(closed.size()), Error);
        CHECK_THROWS_AS(closed.wait_resize({}), Error);
        CHECK(closed.mode() == TerminalMode::normal);
    });
    expect_misuse([] { Terminal::open(NativeDescriptor{0}); },
                  "cannot open a terminal outside a coroutine");
}

TEST_CASE("colours are for terminals whose users want them") {
    const Pty pty;
    const Death answers = die([&] {
        unsetenv("NO_COLOR");
        setenv("TERM", "xterm", 1);
        bool right = wants_color(pty.terminal());
        setenv("NO_COLOR", "", 1);
        right = right && wants_color(pty.terminal());
        setenv("NO_COLOR", "1", 1);
        right = right && !wants_color(pty.terminal());
        unsetenv("NO_COLOR");
        setenv("TERM", "dumb", 1);
        right = right && !wants_color(pty.terminal());
        unsetenv("TERM");
        const Descriptor null{NativeDescriptor{open("/dev/null", O_RDWR | O_CLOEXEC)}};
        right = right && !wants_color(null.native());
        _exit(right ? 42 : 1);
    });
    CHECK(answers.exit_code == 42);
}

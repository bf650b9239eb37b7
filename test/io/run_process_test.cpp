// SPDX-License-Identifier: MIT
//
// Programs that are run to their end, and programs on a terminal.
#include <csignal>
#include <string>

#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/files.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> shell(const std::string& commands) { return {"sh", "-c", commands}; }

/// Reads until `text` has come.
std::string read_until(Reader& reader, std::string_view text) {
    std::string all;
    std::array<std::byte, 1> byte;
    while (all.find(text) == std::string::npos && reader.read(byte) > 0) {
        all += static_cast<char>(byte[0]);
    }
    return all;
}

}  // namespace

TEST_SUITE("run_process") {
    TEST_CASE("it returns what a program wrote, and how it ended") {
        run_in_loop([] {
            const RunResult result = run_process(shell("echo out; echo err >&2; exit 3"));
            CHECK(result.output == "out\n");
            CHECK(result.error_output == "err\n");
            CHECK(result.status == ExitStatus{3, 0});
            CHECK(run_process(shell("kill -9 $$")).status == ExitStatus{0, SIGKILL});
        });
    }

    TEST_CASE("a program gets its input, however long, and may leave it unread") {
        run_in_loop([] {
            const std::string much = pattern(1'000'000);
            CHECK(run_process({"cat"}, {.input = much}).output == much);
            CHECK(run_process({"cat"}).output.empty());
            CHECK(run_process({"true"}, {.input = much}).status.success());
            CHECK(run_process({"head", "-c", "5"}, {.input = much}).output == much.substr(0, 5));
        });
    }

    TEST_CASE("a program that writes too much is killed, and that is an error in both forms") {
        run_in_loop([] {
            const RunOptions options{.limit = 100};
            CHECK(run_process(shell("head -c 100 /dev/zero"), options).output.size() == 100);
            for (const char* where : {"", " >&2"}) {
                const std::string endless = std::string("exec yes") + where;
                expect_both([&] { run_process(shell(endless), options); },
                            [&] { return run_process(shell(endless), options, std::nothrow); },
                            std::errc::no_buffer_space, "run sh: no buffer space available");
            }
        });
    }

    TEST_CASE("a program that can't be run is an error, in both forms") {
        run_in_loop([] {
            expect_both([] { run_process({"no-such-program"}); },
                        [] { return run_process({"no-such-program"}, {}, std::nothrow); },
                        std::errc::no_such_file_or_directory,
                        "run no-such-program: no such file or directory");
        });
    }

    TEST_CASE("a cancelled caller kills the program") {
        run_in_loop([] {
            CHECK_THROWS_AS(with_timeout(2ms, [] { run_process({"sleep", "1000"}); }), TimedOut);
            CHECK_THROWS_AS(with_timeout(2ms,
                                         [] {
                                             run_process({"sleep", "1000"}, {.input = "x"});
                                         }),
                            TimedOut);
            CancelScope scope;
            scope.cancel();
            expect_error(run_process({"sleep", "1000"}, {}, std::nothrow), Errc::cancelled,
                         "run sleep: cancelled");
        });
    }

    TEST_CASE("programs in a row, as a shell has them") {
        run_in_loop([] {
            const std::string words = "pear\napple\nfig\napple\n";
            const std::string sorted = run_process({"sort"}, {.input = words}).output;
            CHECK(run_process({"uniq"}, {.input = sorted}).output == "apple\nfig\npear\n");
        });
    }
}

TEST_SUITE("PseudoTerminal") {
    TEST_CASE("a program on a terminal sees one, of the size that was chosen") {
        run_in_loop([] {
            Process process(shell("test -t 0 && test -t 1 && test -t 2 && stty size && tty"),
                            {.terminal = TerminalSize{123, 45}});
            CHECK(process.terminal().size() == TerminalSize{123, 45});
            const std::string text = read_until(process.terminal(), "pts/");
            CHECK(text.starts_with("45 123\r\n/dev/pts/"));
            CHECK(process.wait().success());
            CHECK_FALSE(process.output().is_open());
        });
    }

    TEST_CASE("what is written is typed, and the end of the stream is the end of the programs") {
        run_in_loop([] {
            Process process({"cat"}, {.terminal = TerminalSize{}});
            process.terminal().write("hello\n");
            CHECK(read_until(process.terminal(), "hello\r\nhello\r\n") == "hello\r\nhello\r\n");
            process.terminal().shutdown_write();
            std::array<std::byte, 16> buffer;
            while (process.terminal().read(buffer) > 0) {
            }
            CHECK(process.terminal().read(buffer) == 0);
            CHECK(process.wait().success());
        });
    }

    TEST_CASE("typing ^C interrupts, as the terminal is the session's own") {
        run_in_loop([] {
            Process process(shell("echo ready; exec sleep 1000"), {.terminal = TerminalSize{}});
            read_until(process.terminal(), "ready");
            process.terminal().write("\x03");
            CHECK(process.wait() == ExitStatus{0, SIGINT});
        });
    }

    TEST_CASE("a change of size is told to the programs") {
        run_in_loop([] {
            Process process(shell("trap 'stty size; exit 0' WINCH; echo ready; while :; do "
                                  "sleep 0.01; done"),
                            {.terminal = TerminalSize{}});
            read_until(process.terminal(), "ready");
            process.terminal().resize({50, 20});
            CHECK(process.terminal().size() == TerminalSize{50, 20});
            CHECK(read_until(process.terminal(), "20 50").ends_with("20 50"));
            CHECK(process.wait().success());
        });
    }

    TEST_CASE("closing a terminal hangs up") {
        run_in_loop([] {
            Process process(shell("echo ready; exec sleep 1000"), {.terminal = TerminalSize{}});
            read_until(process.terminal(), "ready");
            process.terminal().close();
            CHECK(process.wait() == ExitStatus{0, SIGHUP});
            const auto closed = [](const auto& result, const std::string& text) {
                REQUIRE_FALSE(result.has_value());
                CHECK(result.error().what() == text);
            };
            PseudoTerminal none;
            std::array<std::byte, 1> buffer;
            closed(none.size(std::nothrow),
                   "get the size of a PseudoTerminal that is not open: closed");
            closed(none.resize({}, std::nothrow),
                   "resize a PseudoTerminal that is not open: closed");
            closed(none.read(buffer, std::nothrow),
                   "read a PseudoTerminal that is not open: closed");
            closed(none.shutdown_write(std::nothrow),
                   "shut down a PseudoTerminal that is not open: closed");
            closed(process.terminal().size(std::nothrow),
                   "get the size of a PseudoTerminal that is not open: closed");
        });
    }

    TEST_CASE("a real shell works on it") {
        run_in_loop([] {
            ProcessOptions options{.terminal = TerminalSize{}};
            Process process({"bash", "--norc", "--noprofile", "-i"}, options);
            process.terminal().write("echo $((6 * 7)) $- ; exit 5\n");
            const std::string text = read_until(process.terminal(), "42 ");
            CHECK(text.find("no job control") == std::string::npos);
            std::array<std::byte, 64> buffer;
            while (process.terminal().read(buffer) > 0) {
            }
            CHECK(process.wait().code == 5);
        });
    }
}

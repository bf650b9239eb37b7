// SPDX-License-Identifier: MIT
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/death.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/poll_order.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> shell(const std::string& commands) { return {"sh", "-c", commands}; }

/// What is read until the end.
std::string rest_of(Reader& reader) {
    std::string text;
    std::array<std::byte, 1024> buffer;
    while (const std::size_t count = reader.read(buffer)) {
        text.append(reinterpret_cast<const char*>(buffer.data()), count);
    }
    return text;
}

/// True while the system has an entry for the process, be it a zombie.
bool is_there(int process) { return send_signal(process, 0, std::nothrow).has_value(); }

/// Waits until a process writes its first byte.
void wait_for_word(Process& process) {
    std::array<std::byte, 1> byte;
    process.output().read_exactly(byte);
}

constexpr const char* ignore_sigterm = "trap '' TERM; echo x; exec sleep 1000";

const ProcessOptions with_output{.output = Stdio::pipe()};

}  // namespace

TEST_SUITE("Process") {
    TEST_CASE("wait returns what a process returned, as often as it is asked") {
        run_in_loop([] {
            for (const int code : {0, 1, 42, 255}) {
                Process process(shell("exit " + std::to_string(code)));
                CHECK(process.id() > 0);
                CHECK(process.wait() == ExitStatus{code, 0});
                CHECK(process.wait().success() == (code == 0));
                CHECK(process.exit_status() == ExitStatus{code, 0});
                CHECK_FALSE(is_there(process.id()));
            }
        });
    }

    TEST_CASE("wait returns the signal that ended a process") {
        run_in_loop([] {
            Process process({"sleep", "1000"});
            CHECK_FALSE(process.exit_status().has_value());
            Bystander first([&] { CHECK(process.wait() == ExitStatus{0, SIGINT}); });
            Bystander second([&] { CHECK(process.wait() == ExitStatus{0, SIGINT}); });
            process.send_signal(SIGINT);
            CHECK(first.outcome().empty());
            CHECK(second.outcome().empty());
            CHECK_FALSE(process.wait().success());
        });
    }

    TEST_CASE("a program gets its arguments as they are, and its input and output are streams") {
        run_in_loop([] {
            Process process({"printf", "%s|", "a b", "", "$HOME", "\"'*"}, with_output);
            CHECK(rest_of(process.output()) == "a b||$HOME|\"'*|");
            CHECK(process.wait().success());

            Process cat({"cat"}, {.input = Stdio::pipe(), .output = Stdio::pipe()});
            cat.input().write("first ");
            std::array<std::byte, 6> buffer;
            cat.output().read_exactly(buffer);
            cat.input().write("second");
            cat.input().close();
            CHECK(rest_of(cat.output()) == "second");
            CHECK(cat.wait().success());
        });
    }

    TEST_CASE("output and error output are apart, or together, or nowhere") {
        run_in_loop([] {
            const auto both = shell("echo out; echo err >&2");
            Process apart(both, {.output = Stdio::pipe(), .error_output = Stdio::pipe()});
            CHECK(rest_of(apart.output()) == "out\n");
            CHECK(rest_of(apart.error_output()) == "err\n");

            int ends[2];
            REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
            const Stdio writer = Stdio::descriptor(NativeDescriptor{ends[1]});
            Process together(both, {.output = writer, .error_output = writer});
            ::close(ends[1]);
            PipeStream reader = PipeStream::adopt_descriptor(Descriptor(NativeDescriptor{ends[0]}));
            CHECK(rest_of(reader) == "out\nerr\n");

            Process nowhere(
                both,
                {.input = Stdio::null(), .output = Stdio::null(), .error_output = Stdio::null()});
            CHECK_FALSE(nowhere.output().is_open());
            CHECK(nowhere.wait().success());
        });
    }

    TEST_CASE("a child has the descriptors that it was given, and no others of ours") {
        run_in_loop([] {
            ::fcntl(3, F_SETFD, FD_CLOEXEC);  // what started the test may have left one
            const TemporaryDirectory directory;
            std::ofstream(directory / "file") << "contents";
            const int file = ::open((directory / "file").c_str(), O_RDONLY | O_CLOEXEC);
            ProcessOptions options = with_output;
            options.more = {Stdio::null(), Stdio::descriptor(NativeDescriptor{file})};
            Process process(shell("cat <&4; test ! -e /proc/self/fd/3 && echo ' but no 3'"),
                            options);
            CHECK(rest_of(process.output()) == "contents but no 3\n");
            ::close(file);

            const UdpSocket socket("127.0.0.1", 0);
            uv_os_fd_t ours = -1;
            uv_fileno(reinterpret_cast<uv_handle_t*>(socket.uv()), &ours);
            const std::string link =
                std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(ours));
            REQUIRE(link.starts_with("socket:"));
            Process list({"ls", "-l", "/proc/self/fd"}, with_output);
            CHECK(rest_of(list.output()).find(link) == std::string::npos);
        });
    }

    TEST_CASE("a program that gets a file as its input reads that") {
        run_in_loop([] {
            const TemporaryDirectory directory;
            std::ofstream(directory / "file") << "one\ntwo\n";
            const int file = ::open((directory / "file").c_str(), O_RDONLY | O_CLOEXEC);
            ProcessOptions options = with_output;
            options.input = Stdio::descriptor(NativeDescriptor{file});
            Process process({"wc", "-l"}, options);
            ::close(file);
            CHECK(rest_of(process.output()).find('2') != std::string::npos);
        });
    }

    TEST_CASE("directory and environment are those that were chosen") {
        run_in_loop([] {
            const TemporaryDirectory directory;
            ProcessOptions options = with_output;
            options.directory = directory.path();
            Process where({"pwd", "-P"}, options);
            CHECK(rest_of(where.output()) ==
                  std::filesystem::canonical(directory.path()).string() + '\n');

            options.environment = {{"PATH=/usr/bin:/bin", "COLOR=a b"}};
            Process what({"env"}, options);
            const std::string all = rest_of(what.output());
            CHECK(all.find("COLOR=a b\n") != std::string::npos);
            CHECK(all.find("HOME=") == std::string::npos);
            options.environment = {std::vector<std::string>()};
            Process none({"/usr/bin/env"}, options);
            CHECK(rest_of(none.output()).empty());
        });
    }

    TEST_CASE("user and group can be chosen by whoever may") {
        run_in_loop([] {
            ProcessOptions options = with_output;
            options.user = 65'534;
            options.group = 65'533;
            options.directory = "/";
            const std::vector<std::string> command = shell("id -u; id -g");
            if (geteuid() == 0) {
                Process process(command, options);
                CHECK(rest_of(process.output()) == "65534\n65533\n");
            } else {
                expect_error(Process::spawn(command, options, std::nothrow),
                             std::errc::operation_not_permitted,
                             "run sh in /: operation not permitted");
            }
        });
    }

    TEST_CASE("a program that can't be executed is an error that names it, in both forms") {
        const TemporaryDirectory directory;
        std::ofstream(directory / "text") << "not a program";
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            const auto refused = [](const std::vector<std::string>& command,
                                    const ProcessOptions& options, std::errc condition,
                                    const std::string& text) {
                expect_both([&] { const Process process(command, options); },
                            [&] { return Process::spawn(command, options, std::nothrow); },
                            condition, text);
            };
            const ProcessOptions pipes{.input = Stdio::pipe(), .output = Stdio::pipe()};
            for (int i = 0; i < 3; ++i) {
                refused({"no-such-program"}, pipes, std::errc::no_such_file_or_directory,
                        "run no-such-program: no such file or directory");
                refused({directory / "text"}, pipes, std::errc::permission_denied,
                        "run " + (directory / "text") + ": permission denied");
                refused({"cat"}, {.directory = "/nowhere"}, std::errc::no_such_file_or_directory,
                        "run cat in /nowhere: no such file or directory");
                refused({"no-such-program"}, {.terminal = TerminalSize{}},
                        std::errc::no_such_file_or_directory,
                        "run no-such-program: no such file or directory");
                refused({directory / "text"}, {.terminal = TerminalSize{}},
                        std::errc::permission_denied,
                        "run " + (directory / "text") + ": permission denied");
            }
            refused({}, {}, std::errc::invalid_argument, "run no program: invalid argument");
            refused({""}, {}, std::errc::invalid_argument, "run: invalid argument");
            refused({"cat", std::string("a\0b", 3)}, {}, std::errc::invalid_argument,
                    "run cat: invalid argument");
            refused({"cat"}, {.more = {Stdio::pipe()}}, std::errc::invalid_argument,
                    "run cat: invalid argument");
            refused({"cat"}, {.input = Stdio::descriptor(NativeDescriptor{-1})},
                    std::errc::invalid_argument, "run cat: invalid argument");
            let_others_run();
            CHECK(open_descriptors() <= before + 1);
            CHECK(waitpid(-1, nullptr, WNOHANG) == -1);  // no children, no zombies
            Process after(shell("exit 3"));
            CHECK(after.wait().code == 3);
        });
    }

    TEST_CASE("many processes at once are all waited for") {
        run_in_loop([] {
            int sum = 0;
            TaskGroup group;
            for (int i = 0; i < 30; ++i) {
                group.spawn([&sum, i] {
                    Process process(shell("exit " + std::to_string(i)));
                    sum += static_cast<int>(process.wait().code);
                });
            }
            group.wait();
            CHECK(sum == 29 * 30 / 2);
        });
    }

    TEST_CASE("children that something else has started are left to it") {
        run_in_loop([] {
            const pid_t foreign = fork();
            if (foreign == 0) {
                _exit(77);
            }
            Process ours(shell("exit 1"));
            CHECK(ours.wait().code == 1);
            int status = 0;
            CHECK(waitpid(foreign, &status, 0) == foreign);
            CHECK(WEXITSTATUS(status) == 77);
        });
    }

    TEST_CASE("a wait that is cancelled leaves the process alone") {
        run_in_loop([] {
            Process process({"sleep", "1000"});
            Bystander waiter([&] { process.wait(); });
            waiter.cancel();
            CHECK(waiter.outcome() == "cancelled");
            CHECK_FALSE(process.exit_status().has_value());
            {
                CancelScope scope;
                scope.cancel();
                expect_error(
                    process.wait(std::nothrow), Errc::cancelled,
                    "wait for sleep (process " + std::to_string(process.id()) + "): cancelled");
            }
            process.send_signal(SIGKILL);
            CHECK(process.wait() == ExitStatus{0, SIGKILL});
        });
    }

    TEST_CASE("an end and a cancellation in the same turn: the end is kept") {
        for (const bool cancel_first : {true, false}) {
            run_in_loop([&] {
                Process process({"sleep", "1000"});
                Bystander waiter([&] { process.wait(); });
                const CallInPoll cancel([&] { waiter.cancel(); });
                if (cancel_first) {
                    cancel.trigger();
                }
                process.send_signal(SIGKILL);
                if (!cancel_first) {
                    cancel.trigger();
                }
                waiter.outcome();
                CHECK(process.wait() == ExitStatus{0, SIGKILL});
            });
        }
    }

    TEST_CASE("a process is killed and reaped when its owner goes") {
        int id = 0;
        run_in_loop([&] {
            {
                Process process(shell(ignore_sigterm), with_output);
                wait_for_word(process);
                id = process.id();
                CHECK(is_there(id));
            }
            Process another({"true"});
            another.wait();
        });
        CHECK_FALSE(is_there(id));
        CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
    }

    TEST_CASE("a loop that ends kills and reaps") {
        int id = 0;
        {
            Loop loop;
            loop.spawn([&] {
                Process process({"sleep", "1000"});
                id = process.id();
                process.wait();
            });
            loop.spawn([&] {
                let_others_run();
                loop.cancel();
            });
            loop.run();
        }
        REQUIRE(id != 0);
        CHECK_FALSE(is_there(id));
    }

    TEST_CASE("a detached process goes on without its owner") {
        int id = 0;
        run_in_loop([&] {
            ProcessOptions options = with_output;
            options.detached = true;
            Process process(shell("echo x; exec sleep 1000"), options);
            wait_for_word(process);
            id = process.id();
            CHECK(getsid(id) == id);
        });
        CHECK(is_there(id));
        REQUIRE(::kill(id, SIGKILL) == 0);
        CHECK(waitpid(id, nullptr, 0) == id);
    }

    TEST_CASE("terminate asks first and kills after the grace") {
        run_in_loop([] {
            Process docile({"sleep", "1000"});
            CHECK(docile.terminate(1h) == ExitStatus{0, SIGTERM});
            CHECK(docile.terminate(1h) == ExitStatus{0, SIGTERM});

            Process stubborn(shell(ignore_sigterm), with_output);
            wait_for_word(stubborn);
            CHECK(stubborn.terminate(1ms) == ExitStatus{0, SIGKILL});
            CHECK(stubborn.terminate(0ns) == ExitStatus{0, SIGKILL});
        });
    }

    TEST_CASE("terminate that is cancelled kills at once") {
        run_in_loop([] {
            Process process(shell(ignore_sigterm), with_output);
            wait_for_word(process);
            Bystander owner([&] { process.terminate(1h); });
            CHECK_FALSE(owner.ended());
            owner.cancel();
            CHECK(owner.outcome() == "cancelled");
            CHECK(process.wait() == ExitStatus{0, SIGKILL});

            Process other({"sleep", "1000"});
            {
                CancelScope scope;
                scope.cancel();
                CHECK_THROWS_AS(other.terminate(1h), Cancelled);
            }
            CHECK(other.wait() == ExitStatus{0, SIGKILL});
        });
    }

    TEST_CASE("signals for what has ended or was moved from are errors, in both forms") {
        run_in_loop([] {
            Process process({"true"});
            process.wait();
            const std::string name = "true (process " + std::to_string(process.id()) + ')';
            expect_both([&] { process.send_signal(SIGTERM); },
                        [&] { return process.send_signal(SIGTERM, std::nothrow); },
                        std::errc::no_such_process,
                        "send signal 15 to " + name + ": no such process");
            expect_both(
                [&] { send_signal(process.id(), 0); },
                [&] { return send_signal(process.id(), 0, std::nothrow); },
                std::errc::no_such_process,
                "send signal 0 to process " + std::to_string(process.id()) + ": no such process");
            Process running({"sleep", "1000"});
            expect_error(running.send_signal(1000, std::nothrow), std::errc::invalid_argument,
                         "send signal 1000 to sleep (process " + std::to_string(running.id()) +
                             "): invalid argument");
            Process taken = std::move(process);
            CHECK(taken.wait().success());
            CHECK(process.id() == 0);
            CHECK_FALSE(process.exit_status().has_value());
            expect_error(process.wait(std::nothrow), Errc::closed,
                         "wait for a Process moved from: closed");
            expect_error(process.send_signal(1, std::nothrow), Errc::closed,
                         "send a signal to a Process moved from: closed");
            expect_error(process.terminate(1s, std::nothrow), Errc::closed,
                         "terminate a Process moved from: closed");
            running = std::move(taken);  // kills the one before
            CHECK(running.wait().success());
        });
    }

    TEST_CASE("disable_inheritance keeps what the process was started with from its children") {
        const Death death = die([] {
            const int careless = ::open("/dev/null", O_RDONLY);  // NOLINT: that it is inherited
            disable_inheritance();
            _exit((fcntl(careless, F_GETFD) & FD_CLOEXEC) != 0 ? 0 : 1);
        });
        CHECK(death.exit_code == 0);
    }

    TEST_CASE("processes in the wrong place are misuse") {
        expect_misuse([] { const Process process({"true"}); },
                      "cannot run a process outside a coroutine");
        expect_misuse(
            [] {
                run([] {
                    Process process({"true"});
                    std::thread([&] { run([&] { process.wait(); }); }).join();
                });
            },
            "which runs on another loop than the one it was opened on");
    }
}

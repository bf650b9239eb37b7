// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coloop/descriptor.hpp>
#include <coloop/export.hpp>
#include <coloop/path.hpp>
#include <coloop/pipe.hpp>
#include <coloop/pseudo_terminal.hpp>
#include <coloop/result.hpp>

namespace coloop {

class ProcessNode;

/// How a process has ended.
struct ExitStatus {
    std::int64_t code = 0;  ///< what it returned, if no signal ended it
    int signal = 0;         ///< that ended it; 0 if none did

    [[nodiscard]] bool success() const noexcept { return code == 0 && signal == 0; }

    friend bool operator==(const ExitStatus& left, const ExitStatus& right) = default;
};

/// What a child process has for one of its descriptors.
class Stdio {
public:
    /// The same as this process.
    static Stdio inherit() noexcept { return Stdio(Kind::inherit); }

    /// The null device: nothing to read, and what is written is thrown away. Beyond the first three
    /// descriptors: not open.
    static Stdio null() noexcept { return Stdio(Kind::null); }

    /// A pipe, whose other end the Process has as a stream.
    static Stdio pipe() noexcept { return Stdio(Kind::pipe); }

    /// A descriptor of this process, which stays the caller's. If it is for 0, 1 or 2 it is made
    /// blocking, for everybody who shares it.
    static Stdio descriptor(NativeDescriptor native) noexcept {
        return Stdio(Kind::descriptor, native);
    }

private:
    friend class ChildStdio;

    enum class Kind : std::uint8_t { inherit, null, pipe, descriptor };

    explicit Stdio(Kind kind, NativeDescriptor native = NativeDescriptor{-1}) noexcept
        : kind_(kind), native_(native) {}

    Kind kind_;
    NativeDescriptor native_;
};

struct ProcessOptions {
    Stdio input = Stdio::inherit();
    Stdio output = Stdio::inherit();
    Stdio error_output = Stdio::inherit();

    /// The child's descriptors 3, 4 and so on; none of them a pipe(). It has no others of ours.
    std::vector<Stdio> more = {};

    /// "NAME=value" each; empty for this process's own.
    std::optional<std::vector<std::string>> environment = std::nullopt;

    /// Where it runs; empty for this process's current directory.
    std::string directory = {};

    /// The numbers of the user and the group that it runs as, for processes that may choose.
    std::optional<std::uint32_t> user = std::nullopt;
    std::optional<std::uint32_t> group = std::nullopt;

    /// It gets a session of its own, and goes on when the Process is destroyed. It is not waited
    /// for then, so that its entry in the system's table stays until this process ends.
    bool detached = false;

    /// A terminal of this size for the child's 0, 1 and 2, whatever else is said for them, in a
    /// session of its own. See Process::terminal().
    std::optional<TerminalSize> terminal = std::nullopt;
};

/// A child process. The destructor kills it (SIGKILL) if it still runs and was not detached, does
/// not wait, and leaves no zombie: that is reaped by the loop, which does not end before.
///
/// Starting a process stops this thread until the program is there or is not: some hundred
/// microseconds, more for a process that uses much memory. Signals that the child gets are set to
/// what they do by default. coloop waits for its own children only; a program that has others must
/// not have a SIGCHLD handler of its own, as libuv installs one.
///
/// Belongs to the loop of the coroutine that made it. Movable; moved from, it is nobody's.
class COLOOP_EXPORT Process {
public:
    /// Starts a program, looked for in PATH, with arguments: {"cp", "-a", "from", "to"}. Must be
    /// done in a coroutine; does not wait for its end. Throws Error that names the program if it
    /// can't be executed or may not be.
    explicit Process(std::vector<std::string> command, const ProcessOptions& options = {})
        : Process(spawn(std::move(command), options, std::nothrow).value()) {}

    /// The same; returns the Error.
    static Result<Process> spawn(std::vector<std::string> command, const ProcessOptions& options,
                                 std::nothrow_t tag) noexcept;

    Process(Process&& other) noexcept;
    Process& operator=(Process&& other) noexcept;
    ~Process();

    /// Waits until it has ended, and returns how. May be called again, and by several coroutines.
    /// Throws Cancelled if the coroutine is cancelled before or while it waits, which does nothing
    /// to the process.
    ExitStatus wait() { return wait(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<ExitStatus> wait(std::nothrow_t tag) noexcept;

    /// How it has ended; nullopt while it runs.
    [[nodiscard]] std::optional<ExitStatus> exit_status() const noexcept;

    /// Sends it a signal (SIGTERM, SIGHUP). Throws Error (no such process) if it has ended.
    void send_signal(int number) { send_signal(number, std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> send_signal(int number, std::nothrow_t tag) noexcept;

    /// Asks it to end (SIGTERM), waits for `grace`, kills it (SIGKILL) if it still runs, and
    /// returns how it has ended. If the coroutine is cancelled before or meanwhile it is killed at
    /// once, and Cancelled thrown.
    ExitStatus terminate(std::chrono::nanoseconds grace) {
        return terminate(grace, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<ExitStatus> terminate(std::chrono::nanoseconds grace, std::nothrow_t tag) noexcept;

    /// The system's number for it, also after its end; 0 for one that was moved from.
    [[nodiscard]] int id() const noexcept;

    /// The other ends of its pipes: what is written to input() it reads, and what it writes can be
    /// read from output() and error_output(). Closed if it has no pipe there. Close input(), or
    /// shutdown_write(), to let it see the end.
    [[nodiscard]] PipeStream& input() noexcept { return input_; }

    [[nodiscard]] PipeStream& output() noexcept { return output_; }

    [[nodiscard]] PipeStream& error_output() noexcept { return error_output_; }

    /// Our end of its terminal; closed if it has none.
    [[nodiscard]] PseudoTerminal& terminal() noexcept { return terminal_; }

private:
    explicit Process(ProcessNode* node) noexcept;

    ProcessNode* node_ = nullptr;
    PipeStream input_;
    PipeStream output_;
    PipeStream error_output_;
    PseudoTerminal terminal_;
};

/// Sends a signal to any process that this one may send signals to; number 0 only asks whether it
/// is there. Throws Error if it is not, or may not be sent any.
COLOOP_EXPORT void send_signal(int process, int number);

/// The same; returns the Error.
COLOOP_EXPORT Result<void> send_signal(int process, int number, std::nothrow_t tag) noexcept;

/// Keeps the descriptors that this process was started with, other than its standard ones, from
/// going on to its children, as far as they can be found. To be called first thing in main(), by
/// programs that may be started by careless ones. coloop's own never go on.
COLOOP_EXPORT void disable_inheritance() noexcept;

struct RunOptions {
    /// What the program reads.
    std::string_view input = {};

    /// How many bytes of output, and of error output, are taken; with more of one of them it is
    /// killed, and that is an Error (no buffer space).
    std::size_t limit = std::size_t{16} << 20;

    /// Environment, directory and so on; what is said there of input and outputs does not count.
    ProcessOptions process = {};
};

struct RunResult {
    ExitStatus status;
    std::string output;
    std::string error_output;
};

/// Runs a program to its end and returns what it wrote: `run_process({"uname", "-r"}).output`. That
/// it fails is a value, in `status`; an Error means that it could not be run, or wrote too much. If
/// the coroutine is cancelled meanwhile the program is killed, and Cancelled thrown.
COLOOP_EXPORT RunResult run_process(std::vector<std::string> command,
                                    const RunOptions& options = {});

/// The same; returns the Error.
COLOOP_EXPORT Result<RunResult> run_process(std::vector<std::string> command,
                                            const RunOptions& options, std::nothrow_t tag) noexcept;

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string_view>

#include <uv.h>

#include <coloop/environment.hpp>
#include <coloop/process.hpp>
#include <coloop/uv_error.hpp>

#include "io/child_stdio.hpp"
#include "io/pipe_node.hpp"
#include "io/process_node.hpp"
#include "io/pseudo_terminal.hpp"

namespace coloop {

namespace {

/// Has the terminal at the first argument opened by the leader of a new session, which makes it the
/// session's own: libuv can't.
constexpr const char* open_and_execute = R"(exec <>"$0" >&0 2>&0 && exec "$@")";

/// Pointers to strings, as C wants them.
class Strings {
public:
    explicit Strings(std::vector<std::string>& strings) {
        for (std::string& next : strings) {
            pointers_.push_back(next.data());
        }
        pointers_.push_back(nullptr);
    }

    [[nodiscard]] char** get() noexcept { return pointers_.data(); }

private:
    std::vector<char*> pointers_;
};

/// Everything that is needed to start a child.
class Preparation {
public:
    Preparation(std::vector<std::string> command, const ProcessOptions& options)
        : command_(std::move(command)), options_(options), name_(command_.front()) {
        if (!options.directory.empty()) {
            name_ += " in " + options.directory;  // it may be that which does not exist
        }
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    [[nodiscard]] Error error(int status) const { return {uv_code(status), "run", name_}; }

    int prepare() noexcept {
        if (!valid()) {
            return UV_EINVAL;
        }
        if (options_.terminal) {
            if (const int status = prepare_terminal()) {
                return status;
            }
        }
        const Stdio none = Stdio::null();
        const bool plain = !options_.terminal;
        int status = stdio_.add(plain ? options_.input : none);
        status = status != 0 ? status : stdio_.add(plain ? options_.output : none, true);
        status = status != 0 ? status : stdio_.add(plain ? options_.error_output : none, true);
        for (const Stdio& next : options_.more) {
            status = status != 0 ? status : stdio_.add(next);
        }
        return status;
    }

    Result<PipeStream> stream(LoopState& state, std::size_t number, const char* what) noexcept {
        return adopt<PipeStream>(state, stdio_.take_end(number), what);
    }

    Result<PseudoTerminal> terminal(LoopState& state) noexcept {
        return adopt<PseudoTerminal>(state, std::move(terminal_.ours), "the terminal of ");
    }

    Result<NodePtr<ProcessNode>> start(LoopState& state) noexcept {
        std::vector<std::string> environment =
            options_.environment.value_or(std::vector<std::string>());
        Strings arguments(command_);
        Strings variables(environment);
        uv_process_options_t uv{};
        uv.file = command_.front().c_str();
        uv.args = arguments.get();
        uv.env = options_.environment ? variables.get() : nullptr;
        uv.cwd = options_.directory.empty() ? nullptr : options_.directory.c_str();
        uv.stdio = stdio_.containers().data();
        uv.stdio_count = static_cast<int>(stdio_.containers().size());
        uv.uid = options_.user.value_or(0);
        uv.gid = options_.group.value_or(0);
        const auto flag = [](bool on, unsigned value) { return on ? value : 0; };
        uv.flags = flag(options_.user.has_value(), UV_PROCESS_SETUID) |
                   flag(options_.group.has_value(), UV_PROCESS_SETGID) |
                   flag(options_.detached || options_.terminal, UV_PROCESS_DETACHED);
        return ProcessNode::spawn(state, uv, name_, options_.detached);
    }

private:
    /// C's strings end at a zero, and libuv has no pipe for descriptors beyond the third.
    [[nodiscard]] bool valid() const noexcept {
        const auto whole = [](std::string_view text) {
            return text.find('\0') == std::string_view::npos;
        };
        const auto all_whole = [&](const std::vector<std::string>& texts) {
            return std::all_of(texts.begin(), texts.end(), whole);
        };
        return !command_.front().empty() && all_whole(command_) && whole(options_.directory) &&
               (!options_.environment || all_whole(*options_.environment)) &&
               std::none_of(options_.more.begin(), options_.more.end(), ChildStdio::is_pipe);
    }

    int prepare_terminal() noexcept {
        if (const int status = look_for_program(command_.front(), options_.directory, search())) {
            return status;
        }
        const int status = open_terminal(*options_.terminal, options_.user, terminal_);
        const std::string shell[] = {"/bin/sh", "-c", open_and_execute, terminal_.path};
        command_.insert(command_.begin(), std::begin(shell), std::end(shell));
        return status;
    }

    /// The child's PATH.
    [[nodiscard]] std::string search() const {
        constexpr std::string_view prefix = "PATH=";
        if (!options_.environment) {
            return os::variable("PATH").value_or("/usr/bin:/bin");
        }
        for (const std::string& next : *options_.environment) {
            if (next.starts_with(prefix)) {
                return next.substr(prefix.size());
            }
        }
        return "/usr/bin:/bin";
    }

    template <typename Stream>
    Result<Stream> adopt(LoopState& state, Descriptor descriptor, const char* what) noexcept {
        if (!descriptor.is_open()) {
            return Stream();
        }
        const auto node = PipeNode::adopt(state, std::move(descriptor), what + name_, "run");
        return node ? Stream(node->get()) : Result<Stream>(node.error());
    }

    std::vector<std::string> command_;
    const ProcessOptions& options_;
    std::string name_;
    ChildStdio stdio_;
    NewTerminal terminal_;
};

}  // namespace

Process::Process(ProcessNode* node) noexcept : node_(node) { node_->retain(); }

Process::Process(Process&& other) noexcept
    : node_(std::exchange(other.node_, nullptr)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      error_output_(std::move(other.error_output_)),
      terminal_(std::move(other.terminal_)) {}

Process& Process::operator=(Process&& other) noexcept {
    Process taken(std::move(other));
    std::swap(node_, taken.node_);
    std::swap(input_, taken.input_);
    std::swap(output_, taken.output_);
    std::swap(error_output_, taken.error_output_);
    std::swap(terminal_, taken.terminal_);
    return *this;
}

Process::~Process() {
    if (node_ != nullptr) {
        node_->abandon();
        node_->release();
    }
}

Result<Process> Process::spawn(std::vector<std::string> command, const ProcessOptions& options,
                               std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("run a process");
    if (command.empty()) {
        return Error(uv_code(UV_EINVAL), "run", "no program");
    }
    Preparation preparation(std::move(command), options);
    if (const int status = preparation.prepare()) {
        return preparation.error(status);
    }
    // Before it is started: if they can't be had nothing need be undone.
    Result<PipeStream> input = preparation.stream(state, 0, "the input of ");
    Result<PipeStream> output = preparation.stream(state, 1, "the output of ");
    Result<PipeStream> error_output = preparation.stream(state, 2, "the error output of ");
    Result<PseudoTerminal> terminal = preparation.terminal(state);
    for (const Result<PipeStream>* stream : {&input, &output, &error_output}) {
        if (!*stream) {
            return stream->error();
        }
    }
    if (!terminal) {
        return terminal.error();
    }
    const Result<NodePtr<ProcessNode>> node = preparation.start(state);
    if (!node) {
        return node.error();
    }
    Process process(node->get());
    process.input_ = *std::move(input);
    process.output_ = *std::move(output);
    process.error_output_ = *std::move(error_output);
    process.terminal_ = *std::move(terminal);
    return process;
}

namespace {

Error nobody(const char* operation) { return {Errc::closed, operation, "a Process moved from"}; }

}  // namespace

Result<ExitStatus> Process::wait(std::nothrow_t /*tag*/) noexcept {
    return node_ != nullptr ? node_->wait() : nobody("wait for");
}

std::optional<ExitStatus> Process::exit_status() const noexcept {
    return node_ != nullptr ? node_->exit_status() : std::nullopt;
}

Result<void> Process::send_signal(int number, std::nothrow_t /*tag*/) noexcept {
    return node_ != nullptr ? node_->send_signal(number) : nobody("send a signal to");
}

Result<ExitStatus> Process::terminate(std::chrono::nanoseconds grace,
                                      std::nothrow_t /*tag*/) noexcept {
    return node_ != nullptr ? node_->terminate(grace) : nobody("terminate");
}

int Process::id() const noexcept { return node_ != nullptr ? node_->id() : 0; }

void disable_inheritance() noexcept { uv_disable_stdio_inheritance(); }

void send_signal(int process, int number) { send_signal(process, number, std::nothrow).value(); }

Result<void> send_signal(int process, int number, std::nothrow_t /*tag*/) noexcept {
    if (const int status = uv_kill(process, number)) {
        return Error(uv_code(status), "send signal " + std::to_string(number) + " to",
                     "process " + std::to_string(process));
    }
    return {};
}

}  // namespace coloop

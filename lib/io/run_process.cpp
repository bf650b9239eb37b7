// SPDX-License-Identifier: MIT
#include <array>

#include <uv.h>

#include <coloop/process.hpp>
#include <coloop/task_group.hpp>
#include <coloop/uv_error.hpp>

namespace coloop {

namespace {

/// Reads to the end, or throws if that is too far.
void collect(PipeStream& stream, std::string& text, std::size_t limit, const std::string& name) {
    std::array<std::byte, std::size_t{16} << 10> buffer;
    while (const std::size_t count = stream.read(buffer)) {
        if (count > limit - text.size()) {
            throw Error(uv_code(UV_ENOBUFS), "run", name);
        }
        text.append(reinterpret_cast<const char*>(buffer.data()), count);
    }
}

void feed(PipeStream& stream, std::string_view text) {
    const Result<void> written = stream.write(text, std::nothrow);
    if (!written && written.error().code() == Errc::cancelled) {
        throw Cancelled();
    }
    stream.close();  // a program need not read all that there is for it
}

}  // namespace

RunResult run_process(std::vector<std::string> command, const RunOptions& options) {
    const std::string name = command.empty() ? std::string() : command.front();
    ProcessOptions process = options.process;
    process.input = options.input.empty() ? Stdio::null() : Stdio::pipe();
    process.output = Stdio::pipe();
    process.error_output = Stdio::pipe();
    process.terminal.reset();
    RunResult result;
    Process child(std::move(command), process);
    {
        TaskGroup group;
        group.spawn([&] { collect(child.output(), result.output, options.limit, name); });
        group.spawn(
            [&] { collect(child.error_output(), result.error_output, options.limit, name); });
        if (!options.input.empty()) {
            group.spawn([&] { feed(child.input(), options.input); });
        }
        group.wait();
    }
    result.status = child.wait();
    return result;
}

Result<RunResult> run_process(std::vector<std::string> command, const RunOptions& options,
                              std::nothrow_t /*tag*/) noexcept {
    const std::string name = command.empty() ? std::string() : command.front();
    try {
        return run_process(std::move(command), options);
    } catch (const Error& error) {
        return error;
    } catch (const Cancelled&) {
        return Error(Errc::cancelled, "run", name);
    }
}

}  // namespace coloop

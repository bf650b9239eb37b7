// SPDX-License-Identifier: MIT
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <coloop/coloop.h>
#include <coloop/process.hpp>

#include "c_api/guarded.hpp"
#include "c_api/stream.hpp"

namespace coloop::c_api {

namespace {

/// What C calls a process.
struct Child {
    explicit Child(Process&& started) noexcept : process(std::move(started)) {}

    Process process;
    // Found when it was started: a stream that was closed is still there.
    coloop_stream* input = pipe(process.input());
    coloop_stream* output = pipe(process.output());
    coloop_stream* error_output = pipe(process.error_output());

private:
    static coloop_stream* pipe(PipeStream& stream) noexcept {
        return stream.is_open() ? handle_of(&stream) : nullptr;
    }
};

Child& child_of(coloop_process* process) noexcept { return object_of<Child>(process); }

Stdio stdio_of(unsigned kind) noexcept {
    switch (kind) {
        case COLOOP_NULL:
            return Stdio::null();
        case COLOOP_PIPE:
            return Stdio::pipe();
        default:
            return Stdio::inherit();
    }
}

std::vector<std::string> strings_at(const char* const* strings) {
    std::vector<std::string> copies;
    while (*strings != nullptr) {
        copies.emplace_back(*strings++);
    }
    return copies;
}

ProcessOptions options_of(const coloop_process_options* given) {
    ProcessOptions options;
    if (given == nullptr) {
        return options;
    }
    options.input = stdio_of(given->input);
    options.output = stdio_of(given->output);
    options.error_output = stdio_of(given->error_output);
    if (given->environment != nullptr) {
        options.environment = strings_at(given->environment);
    }
    if (given->directory != nullptr) {
        options.directory = given->directory;
    }
    return options;
}

int store(const Result<ExitStatus>& result, coloop_exit_status* place) noexcept {
    if (result && place != nullptr) {
        *place = {result->code, result->signal};
    }
    return status_of(result);
}

}  // namespace

}  // namespace coloop::c_api

using namespace coloop::c_api;
using coloop::Process;

int coloop_process_spawn(const char* const* command, const coloop_process_options* options,
                         coloop_process** process) {
    return guarded([&] {
        auto started = Process::spawn(strings_at(command), options_of(options), std::nothrow);
        if (!started) {
            return fail(started.error());
        }
        *process = reinterpret_cast<coloop_process*>(new Child(*std::move(started)));
        return 0;
    });
}

coloop_stream* coloop_process_input(coloop_process* process) { return child_of(process).input; }

coloop_stream* coloop_process_output(coloop_process* process) { return child_of(process).output; }

coloop_stream* coloop_process_error_output(coloop_process* process) {
    return child_of(process).error_output;
}

int coloop_process_id(const coloop_process* process) {
    return object_of<const Child>(process).process.id();
}

int coloop_process_wait(coloop_process* process, coloop_exit_status* status) {
    return store(child_of(process).process.wait(std::nothrow), status);
}

int coloop_process_kill(coloop_process* process, int number) {
    return status_of(child_of(process).process.send_signal(number, std::nothrow));
}

int coloop_process_terminate(coloop_process* process, std::int64_t grace_ns,
                             coloop_exit_status* status) {
    const std::chrono::nanoseconds grace(grace_ns);
    return store(child_of(process).process.terminate(grace, std::nothrow), status);
}

void coloop_process_free(coloop_process* process) { delete &child_of(process); }

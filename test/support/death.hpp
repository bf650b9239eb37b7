// SPDX-License-Identifier: MIT
//
// Running code that ends its process, in a child, and reading what it said.
#pragma once

#include <cstdio>
#include <string>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace coloop {

struct Death {
    int signal = 0;      ///< that ended the process; zero: none
    int exit_code = -1;  ///< if no signal did
    std::string words;   ///< what it wrote to standard error
};

/// Calls `function()` in a child process, which exits with 0 if that returns.
template <typename Function>
Death die(Function&& function) {
    int ends[2];
    if (pipe(ends) != 0) {
        return {};
    }
    std::fflush(nullptr);  // or the child may write it again
    const pid_t child = fork();
    if (child == 0) {
        // The test frame reports signals as failures of the test; here they are wanted.
        for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTERM}) {
            signal(number, SIG_DFL);
        }
        const rlimit no_core{0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        function();
        _exit(0);
    }
    close(ends[1]);
    Death death;
    char buffer[4096];
    for (ssize_t count; (count = read(ends[0], buffer, sizeof buffer)) > 0;) {
        death.words.append(buffer, static_cast<std::size_t>(count));
    }
    close(ends[0]);
#if defined(COLOOP_EMULATED)
    if (const std::size_t comment = death.words.find("qemu: "); comment != std::string::npos) {
        death.words.resize(comment);  // the emulator has the last word about a signal
    }
#endif
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        death.signal = WTERMSIG(status);
    } else {
        death.exit_code = WEXITSTATUS(status);
    }
    return death;
}

/// What misuse says before it aborts, for comparing with doctest::Contains.
template <typename Function>
doctest::String last_words(Function&& function) {
    const Death death = die(function);
    return ((death.signal == SIGABRT ? "" : "(did not abort) ") + death.words).c_str();
}

}  // namespace coloop

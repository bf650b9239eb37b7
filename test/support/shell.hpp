// SPDX-License-Identifier: MIT
//
// Programs of the system, as counterparts and as judges.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include <sys/wait.h>

#include <doctest/doctest.h>

namespace coloop {

/// A shell command that runs beside the test; joined at the end.
class ShellCommand {
public:
    /// What it reads is nothing, what it prints is there to be asked for.
    explicit ShellCommand(const std::string& command)
        : output_(popen(("{ " + command + "; } </dev/null").c_str(), "re")) {
        REQUIRE(output_ != nullptr);
    }

    ShellCommand(const ShellCommand&) = delete;
    ShellCommand& operator=(const ShellCommand&) = delete;

    ~ShellCommand() { finish(); }

    /// Waits for it, which the loop does not notice: what it needs of this process must be done.
    /// All that it printed.
    std::string finish() {
        if (output_ == nullptr) {
            return said_;
        }
        char buffer[4096];
        while (const std::size_t count = fread(buffer, 1, sizeof buffer, output_)) {
            said_.append(buffer, count);
        }
        status_ = WEXITSTATUS(pclose(output_));
        output_ = nullptr;
        return said_;
    }

    [[nodiscard]] int status() const { return status_; }

private:
    FILE* output_;
    std::string said_;
    int status_ = -1;
};

/// What `command` prints; it must succeed.
inline std::string shell(const std::string& command) {
    ShellCommand running(command);
    std::string said = running.finish();
    CAPTURE(command);
    REQUIRE(running.status() == 0);
    return said;
}

}  // namespace coloop

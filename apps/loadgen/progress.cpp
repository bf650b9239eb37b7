// SPDX-License-Identifier: MIT
#include <chrono>

#include <fmt/format.h>

#include <coloop/sleep.hpp>
#include <coloop/standard_stream.hpp>

#include "report.hpp"

namespace loadgen {

namespace {

using namespace std::chrono_literals;

std::string for_terminals(const Second& second, const Tally& tally) {
    return fmt::format("\r\033[K{:4.0f} s  {:9.0f}/s  median {:.3f} ms  99 % {:.3f} ms  {} failed",
                       second.at, second.rate, second.p50, second.p99, tally.failed());
}

std::string for_logs(const Second& second, const Tally& tally) {
    return fmt::format("at={:.0f} rate={:.0f} p50_ms={:.3f} p99_ms={:.3f} failed={}\n", second.at,
                       second.rate, second.p50, second.p99, tally.failed());
}

/// Leaves no half line behind on a terminal.
class Wiped {
public:
    explicit Wiped(bool terminal) : terminal_(terminal) {}

    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;

    ~Wiped() {
        if (terminal_) {
            fmt::print(stderr, "\r\033[K");
        }
    }

private:
    bool terminal_;
};

}  // namespace

void show_progress(Tally& tally) {
    coloop::StandardStream out = coloop::standard_error();
    const bool terminal = out.kind() == coloop::DescriptorKind::terminal;
    const Wiped wiped(terminal);
    for (;;) {
        coloop::co_sleep(1s);
        const Second& second = tally.next_second();
        out.write(terminal ? for_terminals(second, tally) : for_logs(second, tally));
    }
}

}  // namespace loadgen

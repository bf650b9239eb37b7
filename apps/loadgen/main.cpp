// SPDX-License-Identifier: MIT
//
// A load generator for servers that answer each request with one answer.
#include <csignal>
#include <cstdio>
#include <list>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <coloop/coloop.hpp>

#include "../common/server.hpp"
#include "connection.hpp"
#include "report.hpp"

namespace loadgen {

namespace {

using namespace std::chrono_literals;

std::string for_terminals(const Second& second, const Tally& tally) {
    return fmt::format("\r\033[K{:4.0f} s  {:9.0f}/s  median {:.3f} ms  99 % {:.3f} ms  {} failed",
                       second.at, second.rate, second.p50, second.p99, tally.failed);
}

std::string for_logs(const Second& second, const Tally& tally) {
    return fmt::format("at={:.0f} rate={:.0f} p50_ms={:.3f} p99_ms={:.3f} failed={}\n", second.at,
                       second.rate, second.p50, second.p99, tally.failed);
}

/// Says once a second on standard error how it is going, until cancelled: in one line that changes
/// if that is a terminal, else in one line each.
void show_progress(Tally& tally) {
    coloop::StandardStream out = coloop::standard_error();
    const bool terminal = out.kind() == coloop::DescriptorKind::terminal;
    try {
        while (true) {
            coloop::co_sleep(1s);
            const Second& second = tally.end_second();
            out.write(terminal ? for_terminals(second, tally) : for_logs(second, tally));
        }
    } catch (const coloop::Cancelled&) {
        fmt::print(stderr, "{}", terminal ? "\r\033[K" : "");
        throw;
    }
}

void open_all(std::list<Connection>& connections) {
    coloop::TaskGroup group({.limit = 128});
    for (Connection& connection : connections) {
        group.spawn([&connection] { connection.open(); });
    }
    group.wait();
}

/// Puts the load on the server until the requests are used up, the time is, or it is cancelled.
void put_load(const Settings& settings, Tally& tally, std::list<Connection>& connections) {
    coloop::TaskGroup progress;
    if (!settings.quiet) {
        progress.spawn([&] { show_progress(tally); });
    }
    const Clock::time_point start = tally.begin = Clock::now();
    coloop::move_on_after(settings.duration, [&] {
        coloop::TaskGroup group;
        for (Connection& connection : connections) {
            group.spawn([&connection, start] { connection.run(start); });
        }
        group.wait();
    });
}

/// The exit code: 0 if all that was answered was right, and something was.
int run(const Settings& settings) {
    connect(settings).close();  // if there is no server, that is all there is to say
    Tally tally;
    std::list<Connection> connections;
    for (std::size_t i = 0; i < settings.connections; ++i) {
        connections.emplace_back(settings, tally, i);
    }
    try {
        open_all(connections);
        put_load(settings, tally, connections);
    } catch (const coloop::Cancelled&) {  // by a signal: what there is so far is the result
        fmt::print(stderr, "interrupted\n");
    }
    tally.end_second();
    fmt::print("{}", settings.json ? json(settings, tally) : table(settings, tally));
    std::fflush(stdout);
    if (!settings.svg.empty()) {
        coloop::uncancellable([&] { coloop::fs::write_file(settings.svg, svg(settings, tally)); });
    }
    return tally.failures.empty() && tally.latencies.count() > 0 ? 0 : 1;
}

void add_options(CLI::App& app, Settings& settings) {
    app.option_defaults()->always_capture_default();
    app.add_option("--host", settings.host, "Name or address of the server");
    app.add_option("--port", settings.port, "Its port");
    app.add_option("--protocol", settings.protocol,
                   "What the server does: 'echo' sends back bytes, 'line' lines, 'resp' is Redis")
        ->check(CLI::IsMember({"echo", "line", "resp"}));
    app.add_option("--command", settings.command, "What is asked of Redis")
        ->check(CLI::IsMember({"ping", "get", "set", "incr"}));
    app.add_option("--size", settings.size, "Bytes of a message, line or value")
        ->check(CLI::PositiveNumber);
    app.add_option("--connections", settings.connections, "Connections, all open at once")
        ->check(CLI::PositiveNumber);
    app.add_option("--pipeline", settings.pipeline, "Requests sent at once on each connection")
        ->check(CLI::PositiveNumber);
    app.add_option("--rate", settings.rate,
                   "Requests per second in all, however long answers take (open loop); if 0 each "
                   "connection waits for its answers (closed loop)")
        ->check(CLI::NonNegativeNumber);
    common::add_seconds(app, "--duration", settings.duration, "Seconds");
    app.add_option_function<std::uint64_t>(
           "--requests", [&](std::uint64_t count) { settings.requests = count; },
           "Requests in all; then the duration is not limited unless it is given")
        ->check(CLI::PositiveNumber);
    common::add_seconds(app, "--timeout", settings.timeout, "Seconds that an answer may take");
    app.add_flag("--json", settings.json, "Print JSON instead of a table");
    app.add_option("--svg", settings.svg, "Also draw the result into this file");
    app.add_flag("--quiet", settings.quiet, "Say nothing while it runs");
}

}  // namespace

}  // namespace loadgen

int main(int argc, char** argv) {
    loadgen::Settings settings;
    CLI::App app("Puts load on a server, checks its answers, and tells how long they took.");
    loadgen::add_options(app, settings);
    CLI11_PARSE(app, argc, argv);
    if (app.count("--requests") > 0 && app.count("--duration") == 0) {
        settings.duration = std::chrono::milliseconds::max();
    }
    return coloop::run([&] { return loadgen::run(settings); },
                       coloop::shutdown_on({SIGINT, SIGTERM}));
}

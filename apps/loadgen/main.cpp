// SPDX-License-Identifier: MIT
//
// A load generator for servers that answer each request with one answer.
#include <csignal>
#include <cstdio>
#include <list>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <coloop/coloop.hpp>

#include "connection.hpp"
#include "report.hpp"

namespace loadgen {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t connecting_at_once = 128;

/// Puts the load on the server until the requests are used up, the time is, or it is cancelled.
void put_load(const Settings& settings, Tally& tally, std::list<Connection>& connections) {
    coloop::TaskGroup progress;
    const Clock::time_point start = Clock::now();
    tally.begin();
    if (!settings.quiet) {
        progress.spawn([&] { show_progress(tally); });
    }
    coloop::move_on_after(seconds(settings.duration), [&] {
        coloop::TaskGroup group;
        for (Connection& connection : connections) {
            group.spawn([&connection, start] { connection.run(start); });
        }
        group.wait();
    });
}

void open_all(std::list<Connection>& connections) {
    coloop::TaskGroup group({.limit = connecting_at_once});
    for (Connection& connection : connections) {
        group.spawn([&connection] { connection.open(); });
    }
    group.wait();
}

/// The exit code: 0 if all that was answered was right, and something was.
int run(const Settings& settings) {
    connect(settings).close();  // if there is no server, that is all there is to say
    Tally tally(settings.requests);
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
    tally.end();
    fmt::print("{}", settings.json ? json(settings, tally) : table(settings, tally));
    std::fflush(stdout);
    if (!settings.svg.empty()) {
        coloop::uncancellable([&] { coloop::fs::write_file(settings.svg, svg(settings, tally)); });
    }
    return tally.failures().empty() && tally.latencies().count() > 0 ? 0 : 1;
}

void add_load_options(CLI::App& options, Settings& settings) {
    options.add_option("--connections", settings.connections, "Connections, all open at once")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    options.add_option("--pipeline", settings.pipeline, "Requests sent at once on each connection")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    options
        .add_option("--rate", settings.rate,
                    "Requests per second in all, however long answers take (open loop); without it "
                    "each connection waits for its answers (closed loop)")
        ->check(CLI::PositiveNumber);
    CLI::Option* duration =
        options.add_option("--duration", settings.duration, "Seconds")->check(CLI::PositiveNumber);
    duration->capture_default_str();
    options
        .add_option_function<std::uint64_t>(
            "--requests",
            [&settings, duration](std::uint64_t count) {
                settings.requests = count;
                if (duration->count() == 0) {
                    settings.duration = 1e9;
                }
            },
            "Requests in all; then the duration is not limited unless it is given")
        ->check(CLI::PositiveNumber);
    options.add_option("--timeout", settings.timeout, "Seconds that an answer may take")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
}

void add_request_options(CLI::App& options, Settings& settings) {
    const std::map<std::string, Protocol> protocols = {
        {"echo", Protocol::echo}, {"line", Protocol::line}, {"resp", Protocol::resp}};
    const std::map<std::string, Command> commands = {{"ping", Command::ping},
                                                     {"get", Command::get},
                                                     {"set", Command::set},
                                                     {"incr", Command::incr}};
    options
        .add_option("--protocol", settings.protocol,
                    "What the server does: 'echo' sends back bytes, 'line' lines, 'resp' is Redis")
        ->transform(CLI::CheckedTransformer(protocols));
    options.add_option("--command", settings.command, "What is asked of Redis")
        ->transform(CLI::CheckedTransformer(commands));
    options.add_option("--size", settings.size, "Bytes of a message, line or value")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
}

}  // namespace

}  // namespace loadgen

int main(int argc, char** argv) {
    loadgen::Settings settings;
    CLI::App options("Puts load on a server, checks its answers, and tells how long they took.");
    options.add_option("--host", settings.host, "Name or address of the server")
        ->capture_default_str();
    options.add_option("--port", settings.port, "Its port")->capture_default_str();
    loadgen::add_request_options(options, settings);
    loadgen::add_load_options(options, settings);
    options.add_flag("--json", settings.json, "Print JSON instead of a table");
    options.add_option("--svg", settings.svg, "Also draw the result into this file");
    options.add_flag("--quiet", settings.quiet, "Say nothing while it runs");
    CLI11_PARSE(options, argc, argv);
    return coloop::run([&] { return loadgen::run(settings); },
                       coloop::shutdown_on({SIGINT, SIGTERM}));
}

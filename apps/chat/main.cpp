// SPDX-License-Identifier: MIT
//
// A chat of lines for people with nc or telnet.
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include <coloop/coloop.hpp>

#include "../log.hpp"
#include "client.hpp"
#include "hall.hpp"

namespace {

struct Settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 7010;
    double grace = 10;
    Hall::Limits limits;
    ClientOptions client;
    coloop::ServeOptions serving;
};

void log_failure(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        log("event=error text=\"{}\"", error.what());
    }
}

void run_server(Hall& hall, const Settings& settings) {
    coloop::TcpListener listener(settings.host, settings.port);
    std::printf("listening on %s\n", listener.local_address().to_string().c_str());
    std::fflush(stdout);
    coloop::serve(
        std::move(listener),
        [&](coloop::TcpStream stream) { Client(hall, std::move(stream), settings.client).run(); },
        settings.serving);
}

void add_options(CLI::App& options, Settings& settings) {
    options.option_defaults()->always_capture_default();
    options.add_option("--host", settings.host, "Numeric address to listen on");
    options.add_option("--port", settings.port, "Port to listen on; 0 for any that is free");
    options
        .add_option("--max-connections", settings.serving.max_connections,
                    "Clients at once; further ones wait")
        ->check(CLI::PositiveNumber);
    options.add_option("--max-rooms", settings.limits.rooms, "Rooms at once")
        ->check(CLI::PositiveNumber);
    options
        .add_option("--history", settings.limits.history, "Lines of a room that one sees who joins")
        ->check(CLI::Range(0, 1000));
    options.add_option("--line", settings.client.line_limit, "Bytes that a line may have")
        ->check(CLI::Range(1, 65536));
    options
        .add_option("--outbox", settings.client.outbox,
                    "Lines that wait for a client before it is dropped")
        ->check(CLI::Range(16, 65536));
    options
        .add_option("--idle", settings.client.idle,
                    "Seconds without a line after which a client is sent away; 0: never")
        ->check(CLI::NonNegativeNumber);
    options.add_option("--grace", settings.grace, "Seconds for farewells when told to stop")
        ->check(CLI::NonNegativeNumber);
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    CLI::App options("A chat of lines for people with nc or telnet.");
    add_options(options, settings);
    CLI11_PARSE(options, argc, argv);
    settings.serving.on_error = log_failure;
    settings.serving.grace =
        std::chrono::milliseconds(static_cast<std::int64_t>(settings.grace * 1000));
    Hall hall(settings.limits);
    return coloop::run([&] { run_server(hall, settings); },
                       coloop::shutdown_on({SIGINT, SIGTERM}, settings.serving.grace)
                           .on_signal([&](int /*signal*/) {
                               log("event=drain clients={}", hall.size());
                               hall.close();
                           }));
}

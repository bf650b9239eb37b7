// SPDX-License-Identifier: MIT
//
// A TCP echo server: sends back what it gets, until the client ends its side.
#include <csignal>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include <coloop/coloop.hpp>

namespace {

struct Settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 7000;
    coloop::ServeOptions serving;
};

void echo(coloop::TcpStream client) {
    std::array<std::byte, 16 * 1024> buffer;
    while (const std::size_t n = client.read(buffer)) {
        client.write(std::span(buffer).first(n));
    }
}

void run_server(const Settings& settings) {
    coloop::TcpListener listener(settings.host, settings.port);
    std::printf("listening on %s\n", listener.local_address().to_string().c_str());
    std::fflush(stdout);

    std::size_t served = 0;
    try {
        coloop::serve(
            std::move(listener),
            [&](coloop::TcpStream client) {
                ++served;
                echo(std::move(client));
            },
            settings.serving);
    } catch (const coloop::Cancelled&) {
        std::printf("drained, %zu connections served\n", served);
        throw;
    }
}

void say_what_happens(int /*signal*/) {
    std::printf("draining; once more to stop at once\n");
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    CLI::App options("Sends back what it gets over TCP.");
    options.add_option("--host", settings.host, "Numeric address to listen on")
        ->capture_default_str();
    options.add_option("--port", settings.port, "Port to listen on; 0 for any that is free")
        ->capture_default_str();
    options
        .add_option("--max-connections", settings.serving.max_connections,
                    "Connections handled at once; further ones wait")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    options
        .add_option_function<double>(
            "--grace",
            [&](double seconds) {
                settings.serving.grace =
                    std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
            },
            "Seconds that open connections have to end when told to stop")
        ->default_str("10");
    CLI11_PARSE(options, argc, argv);
    return coloop::run(
        [&] { run_server(settings); },
        coloop::shutdown_on({SIGINT, SIGTERM}, settings.serving.grace).on_signal(say_what_happens));
}

// SPDX-License-Identifier: MIT
//
// A chat of lines for people with nc or telnet.
#include <csignal>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include <coloop/coloop.hpp>

#include "../common/log.hpp"
#include "../common/server.hpp"
#include "client.hpp"
#include "hall.hpp"

int main(int argc, char** argv) {
    std::string host = "127.0.0.1";
    std::uint16_t port = 7010;
    Hall::Limits limits;
    ClientOptions client;
    coloop::ServeOptions serving;
    CLI::App app("A chat of lines for people with nc or telnet.");
    app.option_defaults()->always_capture_default();
    app.add_option("--host", host, "Numeric address to listen on");
    app.add_option("--port", port, "Port to listen on; 0 for any that is free");
    app.add_option("--max-rooms", limits.rooms, "Rooms at once")->check(CLI::PositiveNumber);
    app.add_option("--history", limits.history,
                   "Lines that whoever joins a room sees of what was said")
        ->check(CLI::Range(0, 1000));
    app.add_option("--line", client.line_limit, "Bytes that a line may have")
        ->check(CLI::Range(1, 65536));
    app.add_option("--outbox", client.outbox, "Lines that wait for a client before it is dropped")
        ->check(CLI::Range(16, 65536));
    common::add_seconds(app, "--idle", client.idle, "Seconds a client may be silent; 0: for ever",
                        common::Zero::allowed);
    common::add_serving(app, serving);
    CLI11_PARSE(app, argc, argv);

    Hall hall(limits);
    return coloop::run(
        [&] {
            coloop::TcpListener listener(host, port);
            common::announce(listener.local_address().to_string());
            coloop::serve(
                std::move(listener),
                [&](coloop::TcpStream stream) { Client(hall, std::move(stream), client).run(); },
                serving);
        },
        coloop::shutdown_on({SIGINT, SIGTERM}, serving.grace).on_signal([&](int /*signal*/) {
            common::log("drain", {{"clients", hall.size()}});
            hall.close();
        }));
}

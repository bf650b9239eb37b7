// SPDX-License-Identifier: MIT
//
// Serves files as disks: a server of the network block device protocol, NBD.
#include <csignal>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <coloop/coloop.hpp>

#include "../common/server.hpp"
#include "protocol.hpp"
#include "server.hpp"

namespace {

using common::log;

struct Settings {
    std::string host = "127.0.0.1";
    std::optional<std::uint16_t> port;  // if none is named, the standard one, or only the socket
    std::string unix_path;
    std::vector<std::string> exports;
    std::vector<std::string> read_only_exports;
    coloop::ServeOptions serving{.grace = std::chrono::seconds(5)};
};

/// One connection, from the greeting to the end. Whatever goes wrong with it ends it alone.
void handle(coloop::Stream& client, const std::string& who, const nbd::Server& server) {
    try {
        coloop::BufReader input(client, std::size_t{32} << 10);
        const auto agreed = coloop::with_timeout(
            server.handshake_timeout, [&] { return nbd::shake_hands(client, input, server); });
        if (agreed) {
            log("opened", {{"client", who}, {"export", agreed->disk->name}});
            const std::uint64_t count = nbd::serve_requests(client, input, server, *agreed);
            log("closed", {{"client", who}, {"requests", count}});
        }
    } catch (const std::exception& error) {
        log("dropped", {{"client", who}, {"reason", error.what()}});
    }
}

void serve_tcp(const Settings& settings, const nbd::Server& server) {
    constexpr std::uint16_t standard_port = 10809;
    coloop::TcpListener listener(settings.host, settings.port.value_or(standard_port));
    common::announce(listener.local_address().to_string());
    coloop::serve(
        std::move(listener),
        [&](coloop::TcpStream client) {
            const std::string who = client.peer_address().to_string();
            client.set_no_delay(true);
            client.set_keep_alive(std::chrono::minutes(1));
            handle(client, who, server);
        },
        settings.serving);
}

void serve_unix(const Settings& settings, const nbd::Server& server) {
    coloop::PipeListener listener(settings.unix_path);
    common::announce(settings.unix_path);
    coloop::serve(
        std::move(listener),
        [&, count = 0](coloop::PipeStream client) mutable {
            handle(client, fmt::format("unix-{}", ++count), server);
        },
        settings.serving);
}

/// "NAME=PATH"
void add_export(nbd::Server& server, const std::string& rule, bool read_only) {
    const std::size_t sign = rule.find('=');
    if (sign == rule.npos || sign == 0 || sign > nbd::longest_text) {
        throw std::runtime_error("--export wants NAME=PATH, not " + rule);
    }
    const std::string name = rule.substr(0, sign);
    if (server.find(name) != nullptr) {
        throw std::runtime_error("there are two exports " + name);
    }
    server.disks.push_back(nbd::Disk::open(name, rule.substr(sign + 1), read_only));
    log("export", {{"name", name}, {"size", server.disks.back()->size}, {"read_only", read_only}});
}

void run_server(const Settings& settings, nbd::Server& server) {
    for (const std::string& rule : settings.exports) {
        add_export(server, rule, false);
    }
    for (const std::string& rule : settings.read_only_exports) {
        add_export(server, rule, true);
    }
    if (server.disks.empty()) {
        throw std::runtime_error("nothing to serve: --export NAME=PATH");
    }
    coloop::TaskGroup listeners;
    if (settings.unix_path.empty() || settings.port) {
        listeners.spawn([&] { serve_tcp(settings, server); }, {.name = "tcp"});
    }
    if (!settings.unix_path.empty()) {
        listeners.spawn([&] { serve_unix(settings, server); }, {.name = "unix"});
    }
    try {
        listeners.wait();
    } catch (const coloop::Cancelled&) {
        log("drained");
        throw;
    }
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    nbd::Server server;
    CLI::App app("Serves files as disks over the network block device protocol.");
    app.add_option("--export", settings.exports, "NAME=PATH: a file or block device to serve");
    app.add_option("--read-only-export", settings.read_only_exports, "The same, for reading only");
    app.add_option("--host", settings.host, "Numeric address to listen on")->capture_default_str();
    app.add_option("--port", settings.port,
                   "TCP port to listen on; 0 for any that is free; 10809 unless --unix is given");
    app.add_option("--unix", settings.unix_path, "Path of a Unix socket to listen on");
    common::add_seconds(app, "--handshake-timeout", server.handshake_timeout,
                        "Seconds in which a client must have chosen an export");
    common::add_seconds(app, "--stall-timeout", server.stall_timeout,
                        "Seconds in which a client must take, or send, a MiB or what is less of a "
                        "request");
    common::add_serving(app, settings.serving);
    CLI11_PARSE(app, argc, argv);
    return coloop::run(
        [&] { run_server(settings, server); },
        coloop::shutdown_on({SIGINT, SIGTERM}, settings.serving.grace).on_signal([&](int signal) {
            server.draining = true;
            log("draining", {{"signal", signal}});
        }));
}

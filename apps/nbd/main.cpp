// SPDX-License-Identifier: MIT
//
// Serves files as disks: a server of the network block device protocol, NBD.
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include <coloop/coloop.hpp>

#include "log.hpp"
#include "options.hpp"
#include "server.hpp"
#include "session.hpp"

namespace {

using nbd::Settings;

/// One connection, from the greeting to the end.
void talk(coloop::Stream& client, const std::string& who, const nbd::Server& server) {
    coloop::BufReader input(client);
    const std::optional<nbd::Agreement> agreed = coloop::with_timeout(
        server.limits.handshake, [&] { return nbd::shake_hands(client, input, server); });
    if (!agreed) {
        return;
    }
    nbd::log("opened", "client={} export={}", who, nbd::quoted(agreed->disk->options().name));
    nbd::Session session(client, input, server, *agreed);
    session.run();
    nbd::log("closed", "client={} requests={}", who, session.requests());
}

/// The same; whatever goes wrong with it is said, and ends it alone.
void handle(coloop::Stream& client, const std::string& who, const nbd::Server& server) {
    try {
        talk(client, who, server);
    } catch (const std::exception& error) {
        nbd::log("dropped", "client={} reason={}", who, nbd::quoted(error.what()));
    }
}

/// What went wrong with accepting, or with a connection before anything was said.
void report(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        nbd::log("failed", "reason={}", nbd::quoted(error.what()));
    } catch (const coloop::Cancelled&) {
        nbd::log("failed", "reason=cancelled");
    }
}

void announce(const std::string& where) {
    std::printf("listening on %s\n", where.c_str());
    std::fflush(stdout);
}

void serve_tcp(const Settings& settings, const nbd::Server& server) {
    coloop::TcpListener listener(settings.host, settings.port.value_or(nbd::standard_port));
    announce(listener.local_address().to_string());
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
    announce(settings.unix_path);
    coloop::serve(
        std::move(listener),
        [&, count = 0](coloop::PipeStream client) mutable {
            handle(client, fmt::format("unix-{}", ++count), server);
        },
        settings.serving);
}

void run_server(const Settings& settings, nbd::Server& server) {
    for (const nbd::DiskOptions& options : settings.exports) {
        server.disks.push_back(nbd::Disk::open(options));
        const nbd::Disk& disk = *server.disks.back();
        nbd::log("export", "name={} path={} size={} read_only={}", nbd::quoted(options.name),
                 nbd::quoted(options.path), disk.size(), options.read_only);
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
        nbd::log("drained", "exports={}", server.disks.size());
        throw;
    }
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    if (const std::optional<int> exit_code = nbd::read_options(argc, argv, settings)) {
        return *exit_code;
    }
    settings.serving.on_error = report;
    settings.serving.on_stragglers = [](const std::vector<std::string>& left) {
        nbd::log("cut_short", "connections={}", left.size());
    };
    nbd::Server server{.default_name = settings.default_export, .limits = settings.limits};
    return coloop::run(
        [&] { run_server(settings, server); },
        coloop::shutdown_on({SIGINT, SIGTERM}, settings.serving.grace).on_signal([&](int signal) {
            server.draining = true;
            nbd::log("draining", "signal={}", signal);
        }));
}

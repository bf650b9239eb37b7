// SPDX-License-Identifier: MIT
//
// A DNS server: the authority for zones from files, and a cache in front of other servers.
#include <algorithm>
#include <csignal>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <coloop/coloop.hpp>

#include "../common/log.hpp"
#include "../common/server.hpp"
#include "server.hpp"

namespace {

struct Settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 5300;
    std::vector<std::string> zones;
    std::vector<std::string> servers;
    Upstreams::Options upstreams;
    std::size_t cache_bytes = std::size_t{64} << 20;
    std::chrono::milliseconds idle{10'000};
    coloop::ServeOptions serving;
};

std::vector<Zone> load_zones(const std::vector<std::string>& settings) {
    std::vector<Zone> zones;
    for (const std::string& zone : settings) {
        const std::size_t equals = zone.find('=');
        if (equals == std::string::npos) {
            throw std::invalid_argument("--zone wants NAME=FILE, not " + zone);
        }
        Zone added(zone.substr(0, equals), zone.substr(equals + 1));
        if (std::any_of(zones.begin(), zones.end(),
                        [&](const Zone& other) { return other.same_name(added); })) {
            throw std::invalid_argument("--zone was given twice for " + zone.substr(0, equals));
        }
        zones.push_back(std::move(added));
        common::log("zone", {{"name", zone.substr(0, equals)}, {"names", zones.back().size()}});
    }
    return zones;
}

/// Both have the same port; if any will do, one that is free for both has to be found.
std::pair<coloop::UdpSocket, coloop::TcpListener> open_sockets(const Settings& settings) {
    for (int attempt = 1;; ++attempt) {
        coloop::UdpSocket udp(settings.host, settings.port);
        auto tcp = coloop::TcpListener::listen(udp.local_address(), {}, std::nothrow);
        if (tcp) {
            return {std::move(udp), *std::move(tcp)};
        }
        if (settings.port != 0 || attempt == 20) {
            tcp.error().raise();
        }
    }
}

void run_server(Settings& settings) {
    for (const std::string& server : settings.servers) {
        settings.upstreams.servers.push_back(coloop::Address::parse(server));
        if (settings.upstreams.servers.back().port() == 0) {
            throw std::invalid_argument("--upstream wants ADDRESS:PORT, not " + server);
        }
    }
    Service service(load_zones(settings.zones), settings.cache_bytes, settings.upstreams);
    auto [udp, tcp] = open_sockets(settings);
    udp.set_receive_buffer(std::size_t{4} << 20);
    const auto udp_server = std::make_unique<UdpServer>(std::move(udp), service);
    coloop::ServeOptions udp_serving = settings.serving;  // the service bounds what waits
    udp_serving.max_connections = std::numeric_limits<std::size_t>::max();
    coloop::SignalSet asking_for_stats({SIGUSR1});
    coloop::TaskGroup group;
    group.spawn([&] {
        for (;;) {
            asking_for_stats.wait();
            service.log_stats("stats");
        }
    });
    group.spawn([&] {
        coloop::serve(
            *udp_server, [&](const LateQuery& late) { udp_server->reply_later(late); },
            udp_serving);
    });
    common::announce(tcp.local_address().to_string());
    const auto serve_client = [&](coloop::TcpStream client) {
        serve_tcp(std::move(client), service, settings.idle);
    };
    try {
        coloop::serve(tcp, serve_client, settings.serving);
    } catch (const coloop::Cancelled&) {
        service.log_stats("end");
        throw;
    }
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    settings.serving.grace = std::chrono::seconds(2);
    CLI::App app("A DNS server: the authority for zones, and a cache before other servers.");
    app.option_defaults()->always_capture_default();
    app.add_option("--host", settings.host, "Numeric address to listen on");
    app.add_option("--port", settings.port, "Port to listen on; 0 for any that is free");
    app.add_option("--zone", settings.zones, "NAME=FILE: a zone to be the authority for");
    app.add_option("--upstream", settings.servers, "ADDRESS:PORT of a server to ask for the rest");
    common::add_seconds(app, "--timeout", settings.upstreams.timeout,
                        "Seconds to wait for an upstream each time");
    app.add_option("--rounds", settings.upstreams.rounds, "How often each upstream is tried")
        ->check(CLI::Range(1, 100));
    app.add_option("--cache", settings.cache_bytes, "Bytes that the cache may take")
        ->check(CLI::Range(std::size_t{0}, std::size_t{1} << 50));
    common::add_seconds(app, "--idle", settings.idle,
                        "Seconds that a TCP connection may be silent");
    common::add_serving(app, settings.serving);
    CLI11_PARSE(app, argc, argv);
    return coloop::run([&] { run_server(settings); },
                       coloop::shutdown_on({SIGINT, SIGTERM}, settings.serving.grace));
}

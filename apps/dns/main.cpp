// SPDX-License-Identifier: MIT
//
// A DNS server: the authority for zones from files, and a cache in front of other servers.
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <coloop/coloop.hpp>

#include "../log.hpp"
#include "server.hpp"
#include "service.hpp"
#include "zone.hpp"

namespace {

struct Settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 5300;
    std::vector<std::string> zones;
    std::vector<std::string> upstreams;
    double timeout = 0.8;
    double idle = 10;
    double grace = 2;
    Service::Options service;
    coloop::ServeOptions serving;
};

std::chrono::milliseconds to_time(double seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

void log_failure(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        log("event=error text=\"{}\"", error.what());
    }
}

std::vector<Zone> load_zones(const Settings& settings) {
    std::vector<Zone> zones;
    for (const std::string& zone : settings.zones) {
        const std::size_t equals = zone.find('=');
        if (equals == std::string::npos) {
            throw std::invalid_argument("--zone wants NAME=FILE, not " + zone);
        }
        const std::string name = zone.substr(0, equals);
        zones.emplace_back(name, zone.substr(equals + 1));
        log("event=zone name={} names={}", name, zones.back().size());
    }
    return zones;
}

struct Sockets {
    coloop::UdpSocket udp;
    coloop::TcpListener tcp;
};

/// Both have the same port; if any will do, one that is free for both has to be found.
Sockets open_sockets(const Settings& settings) {
    for (int attempt = 1;; ++attempt) {
        coloop::UdpSocket udp(settings.host, settings.port);
        const coloop::Address address = udp.local_address();
        auto tcp = coloop::TcpListener::listen(address, {}, std::nothrow);
        if (tcp) {
            return {std::move(udp), *std::move(tcp)};
        }
        if (settings.port != 0 || attempt == 20) {
            tcp.error().raise();
        }
    }
}

void run_server(const Settings& settings) {
    Service service(settings.service, load_zones(settings));
    Sockets sockets = open_sockets(settings);
    sockets.udp.set_receive_buffer(std::size_t{4} << 20);
    coloop::SignalSet asking_for_stats({SIGUSR1});
    coloop::TaskGroup group;
    group.spawn([&] {
        while (true) {
            asking_for_stats.wait();
            service.log_stats("stats");
        }
    });
    group.spawn([&] {
        serve_udp(sockets.udp, service, settings.service.most_pending, settings.serving.grace);
    });
    std::printf("listening on %s\n", sockets.tcp.local_address().to_string().c_str());
    std::fflush(stdout);
    try {
        coloop::serve(
            sockets.tcp,
            [&](coloop::TcpStream client) {
                serve_tcp(std::move(client), service, to_time(settings.idle));
            },
            settings.serving);
    } catch (const coloop::Cancelled&) {
        service.log_stats("end");
        throw;
    }
}

void add_options(CLI::App& options, Settings& settings) {
    options.option_defaults()->always_capture_default();
    options.add_option("--host", settings.host, "Numeric address to listen on");
    options.add_option("--port", settings.port, "Port to listen on; 0 for any that is free");
    options.add_option("--zone", settings.zones, "NAME=FILE: a zone to be the authority for");
    options.add_option("--upstream", settings.upstreams,
                       "ADDRESS:PORT of a server to ask for the rest");
    options.add_option("--timeout", settings.timeout, "Seconds to wait for an upstream each time")
        ->check(CLI::PositiveNumber);
    options
        .add_option("--rounds", settings.service.upstreams.rounds,
                    "How often each upstream is tried")
        ->check(CLI::Range(1, 100));
    options.add_option("--cache", settings.service.cache_bytes, "Bytes that the cache may take");
    options
        .add_option("--pending", settings.service.most_pending,
                    "Questions that wait for upstreams at once")
        ->check(CLI::PositiveNumber);
    options
        .add_option("--max-connections", settings.serving.max_connections,
                    "TCP connections at once; further ones wait")
        ->check(CLI::PositiveNumber);
    options.add_option("--idle", settings.idle, "Seconds that a TCP connection may be silent")
        ->check(CLI::PositiveNumber);
    options.add_option("--grace", settings.grace, "Seconds for open questions when told to stop")
        ->check(CLI::NonNegativeNumber);
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    CLI::App options("A DNS server: the authority for zones, and a cache before other servers.");
    add_options(options, settings);
    CLI11_PARSE(options, argc, argv);
    settings.serving.on_error = log_failure;
    settings.serving.grace = to_time(settings.grace);
    settings.service.upstreams.timeout = to_time(settings.timeout);
    return coloop::run(
        [&] {
            for (const std::string& upstream : settings.upstreams) {
                settings.service.upstreams.servers.push_back(coloop::Address::parse(upstream));
            }
            run_server(settings);
        },
        coloop::shutdown_on({SIGINT, SIGTERM}, settings.serving.grace));
}

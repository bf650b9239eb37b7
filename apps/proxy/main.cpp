// SPDX-License-Identifier: MIT
//
// A proxy for TCP, and by SOCKS5 for UDP, that can be replaced while it runs: see README.md.
#include <csignal>
#include <cstdio>
#include <map>
#include <optional>

#include <CLI/CLI.hpp>

#include <coloop/coloop.hpp>

#include "log.hpp"
#include "service.hpp"
#include "settings.hpp"
#include "takeover.hpp"

namespace {

using namespace proxy;

void say(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

void run_proxy(const Settings& settings) {
    Proxy proxy(settings);
    std::optional<Predecessor> predecessor;
    std::optional<coloop::PipeListener> control;
    Sockets none;
    if (!settings.control.empty()) {
        predecessor = Predecessor::find(settings.control);
        control = control_socket(settings.control, predecessor ? predecessor->sockets : none);
    }
    std::deque<Service> services = open_services(proxy, predecessor ? predecessor->sockets : none);
    std::map<std::string, coloop::TcpListener*> listeners;

    coloop::TaskGroup background({.shielded = true});  // until all clients have gone
    background.spawn([&] { proxy.idle.run(); }, {.name = "idle watch"});
    coloop::TaskGroup serving;
    for (Service& service : services) {
        if (service.backends != nullptr && settings.health.interval > Duration(0)) {
            background.spawn([&] { service.backends->check(); }, {.name = "checks"});
        }
        listeners.emplace(service.name, &service.listener);
        say(service.protocol + " listening on " + service.listener.local_address().to_string());
        serving.spawn([&] { service.serve(proxy); }, {.name = "serve " + service.name});
    }
    if (control) {
        background.spawn([&] { wait_for_successor(*control, listeners); }, {.name = "control"});
    }
    if (predecessor) {
        predecessor->relieve();
        predecessor.reset();
    }
    try {
        serving.wait();
    } catch (const coloop::Cancelled&) {
        say("drained, " + std::to_string(proxy.served) + " connections served");
        throw;
    }
    say("relieved and drained, " + std::to_string(proxy.served) + " connections served");
}

void add_seconds(CLI::App& options, const std::string& name, Duration& value,
                 const std::string& text, double least = 0.001) {
    options
        .add_option_function<double>(
            name,
            [&value](double seconds) {
                value = Duration(static_cast<std::int64_t>(seconds * 1000));
            },
            text)
        ->check(CLI::Range(least, 1e9))
        ->default_str(std::to_string(static_cast<double>(value.count()) / 1000));
}

void add_services(CLI::App& options, Settings& settings) {
    options.add_option("--socks5", settings.socks5, "Address to serve SOCKS5 at; may be repeated");
    options.add_option("--http", settings.http, "The same for HTTP's CONNECT");
    options.add_option("--forward", settings.forward,
                       "<address>=<host>:<port>,...: carry connections there to one of these");
    options.add_option("--control", settings.control,
                       "Path of a socket; who is started with the same one takes over");
    options.set_config("--config", "", "File with any of these options: socks5=\"127.0.0.1:1080\"");
}

void add_rules(CLI::App& options, Settings& settings) {
    options
        .add_option_function<std::vector<std::string>>(
            "--user",
            [&settings](const std::vector<std::string>& all) {
                for (const std::string& each : all) {
                    if (!settings.users.add(each)) {
                        throw CLI::ValidationError("--user", "name:password, please");
                    }
                }
            },
            "name:password of who may use SOCKS5 and CONNECT; all, if there is none")
        ->envname("PROXY_USER");
    options.add_option("--allow-port", settings.ports,
                       "Port that SOCKS5 and CONNECT may lead to; all, if there is none");
    options
        .add_option_function<std::string>(
            "--balance",
            [&settings](const std::string& name) {
                settings.balance =
                    name == "least" ? Balance::least_connections : Balance::round_robin;
            },
            "How back ends are chosen: in turn, or the one with the least connections")
        ->check(CLI::IsMember({"turn", "least"}))
        ->default_str("turn");
    options.add_option("--fall", settings.health.fall, "Failed checks that put a back end out")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    options.add_option("--rise", settings.health.rise, "Passed checks that bring it back")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
}

void add_limits(CLI::App& options, Settings& settings) {
    options
        .add_option("--max-connections", settings.max_connections,
                    "Clients of each address at once; further ones wait")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    add_seconds(options, "--check-interval", settings.health.interval,
                "Seconds between checks of a back end; 0 for none", 0);
    add_seconds(options, "--check-timeout", settings.health.timeout, "Seconds for a check");
    add_seconds(options, "--handshake", settings.handshake_timeout,
                "Seconds that a client has to say what it wants");
    add_seconds(options, "--connect", settings.connect_timeout, "Seconds for connecting");
    add_seconds(options, "--idle", settings.idle_timeout,
                "Seconds without a byte either way, after which a connection is cut off");
    add_seconds(options, "--grace", settings.grace,
                "Seconds that connections have to end when told to stop");
    add_seconds(options, "--drain", settings.drain, "The same when a successor has taken over");
    options.add_flag("!--no-access-lines", settings.access_lines,
                     "Do not log a line for each connection");
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    CLI::App options("Carries TCP and UDP for others: SOCKS5, HTTP CONNECT, and a forwarder.");
    add_services(options, settings);
    add_rules(options, settings);
    add_limits(options, settings);
    CLI11_PARSE(options, argc, argv);
    if (settings.socks5.empty() && settings.http.empty() && settings.forward.empty()) {
        std::fputs("proxy: nothing to do; see --help\n", stderr);
        return 2;
    }
    return coloop::run([&] { run_proxy(settings); },
                       coloop::shutdown_on({SIGINT, SIGTERM}, settings.grace));
}

// SPDX-License-Identifier: MIT
//
// A proxy for TCP, and by SOCKS5 for UDP, that can be replaced while it runs: see README.md.
#include <csignal>
#include <cstdio>
#include <deque>
#include <functional>
#include <optional>

#include <CLI/CLI.hpp>

#include "../common/server.hpp"
#include "backends.hpp"
#include "proxy.hpp"
#include "takeover.hpp"
#include "users.hpp"

namespace {

using namespace proxy;

class Proxy {
public:
    explicit Proxy(const Settings& settings) : settings_(settings) {}

    void run() {
        coloop::PipeStream predecessor;
        std::optional<coloop::PipeListener> control;
        Sockets inherited;
        if (const std::string& path = settings_.control; !path.empty()) {
            inherited = take_over(path, predecessor);
            control = listen<coloop::PipeListener>(inherited, control_name, coloop::Path(path));
        }
        coloop::TaskGroup background({.shielded = true});  // until all clients have gone
        coloop::TaskGroup serving;
        open_services(serving, inherited);
        inherited.clear();  // nobody would accept on those that are not wanted any more
        if (settings_.check_interval > Settings::Duration(0)) {
            for (Backends& backends : backends_) {
                background.spawn([&] { backends.check(); }, {.name = "checks"});
            }
        }
        if (control) {
            background.spawn([&] { wait_for_successor(*control, listeners_); },
                             {.name = "control"});
        }
        if (predecessor.is_open()) {
            predecessor.write("ready\n");
            predecessor.close();
        }
        try {
            serving.wait();
        } catch (const coloop::Cancelled&) {
            fmt::print("drained, {} connections served\n", served_);
            throw;
        }
        fmt::print("relieved and drained, {} connections served\n", served_);
    }

private:
    using Handler = std::function<void(coloop::TcpStream&, Access&)>;

    void open_services(coloop::TaskGroup& serving, Sockets& inherited) {
        const auto open = [&](const std::string& protocol, const std::string& address,
                              const Handler& handle) {
            const std::string name = protocol + ' ' + address;
            const coloop::Address place = coloop::Address::parse(address);
            const auto entry =
                listeners_.emplace(name, listen<coloop::TcpListener>(inherited, name, place)).first;
            coloop::TcpListener& listener = entry->second;
            common::announce(listener.local_address().to_string(), protocol + ' ');
            serving.spawn([=, this, &listener] { serve(listener, protocol, handle); },
                          {.name = name});
        };
        for (const std::string& address : settings_.socks5) {
            open("socks5", address, serve_socks5);
        }
        for (const std::string& address : settings_.http) {
            open("http", address, serve_http);
        }
        for (const std::string& rule : settings_.forward) {
            const std::size_t sign = rule.find('=');
            Backends& backends = backends_.emplace_back(rule.substr(sign + 1), settings_);
            open("forward", rule.substr(0, sign),
                 [&](auto& client, Access& access) { backends.serve(client, access); });
        }
    }

    void serve(coloop::TcpListener& listener, std::string_view protocol, const Handler& handle) {
        coloop::ServeOptions options = settings_.serving;
        options.grace = settings_.drain;  // after a takeover; signals make an end sooner
        coloop::serve(
            listener,
            [&](coloop::TcpStream client) {
                ++served_;
                Access access{settings_, protocol, client.peer_address()};
                try {
                    handle(client, access);
                } catch (const coloop::Error& error) {
                    access.outcome = error.what();
                }
            },
            options);
    }

    const Settings& settings_;
    Listeners listeners_;
    std::deque<Backends> backends_;
    std::size_t served_ = 0;
};

void add_services(CLI::App& app, Settings& settings) {
    app.add_option("--socks5", settings.socks5, "Address to serve SOCKS5 at; may be repeated");
    app.add_option("--http", settings.http, "The same for HTTP's CONNECT");
    app.add_option("--forward", settings.forward,
                   "<address>=<host>:<port>,...: carry connections there to one of these")
        ->check([](const std::string& rule) {
            return rule.find('=') == rule.npos ? rule + " names no back end" : std::string();
        });
    app.add_option("--control", settings.control,
                   "Path of a socket; who is started with the same one takes over");
    app.set_config("--config", "", "File with any of these options: socks5=\"127.0.0.1:1080\"");
    app.add_option("--user", settings.users,
                   "name:password of who may use SOCKS5 and CONNECT; all, if there is none")
        ->envname("PROXY_USER")
        ->check([](const std::string& user) {
            return is_user(user) ? std::string() : "name:password, please";
        });
    app.add_option("--allow-port", settings.ports,
                   "Port that SOCKS5 and CONNECT may lead to; all, if there is none")
        ->check(CLI::Range(1, 65535));
    app.add_flag("!--no-access-lines", settings.access_lines,
                 "Do not log a line for each connection");
}

void add_times(CLI::App& app, Settings& settings) {
    common::add_seconds(app, "--check-interval", settings.check_interval,
                        "Seconds between checks of a back end; 0 for none", common::Zero::allowed);
    common::add_seconds(app, "--check-timeout", settings.check_timeout, "Seconds for a check");
    common::add_seconds(app, "--handshake", settings.handshake_timeout,
                        "Seconds that a client has to say what it wants");
    common::add_seconds(app, "--connect", settings.connect_timeout, "Seconds for connecting");
    common::add_seconds(app, "--idle", settings.idle_timeout,
                        "Seconds without a byte either way, after which a connection is cut off");
    common::add_seconds(app, "--drain", settings.drain,
                        "The same as --grace when a successor has taken over",
                        common::Zero::allowed);
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    CLI::App app("Carries TCP and UDP for others: SOCKS5, HTTP CONNECT, and a forwarder.");
    add_services(app, settings);
    add_times(app, settings);
    common::add_serving(app, settings.serving);
    CLI11_PARSE(app, argc, argv);
    if (settings.socks5.empty() && settings.http.empty() && settings.forward.empty()) {
        std::fputs("proxy: nothing to do; see --help\n", stderr);
        return 2;
    }
    return coloop::run([&] { Proxy(settings).run(); },
                       coloop::shutdown_on({SIGINT, SIGTERM}, settings.serving.grace));
}

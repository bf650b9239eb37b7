// SPDX-License-Identifier: MIT
#include "service.hpp"

#include <utility>

#include <coloop/serve.hpp>

#include "http_connect.hpp"
#include "log.hpp"
#include "socks5.hpp"

namespace proxy {

namespace {

Service open(std::string protocol, const std::string& address, Sockets& inherited) {
    std::string name = protocol + ' ' + address;
    coloop::TcpListener listener = service_socket(name, coloop::Address::parse(address), inherited);
    return {std::move(protocol), std::move(name), std::move(listener), nullptr, {}};
}

Service open_forwarder(const std::string& rule, Proxy& proxy, Sockets& inherited) {
    const std::size_t equals = rule.find('=');
    if (equals == std::string::npos) {
        throw coloop::Error(std::make_error_code(std::errc::invalid_argument), "forward", rule);
    }
    Service service = open("forward", rule.substr(0, equals), inherited);
    service.backends = std::make_unique<Backends>(rule.substr(equals + 1), proxy.settings);
    service.handle = [&backends = *service.backends, &proxy](auto& client, Access& access) {
        serve_forward(client, backends, proxy, access);
    };
    return service;
}

void report(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        LogLine("error").add("reason", error.what());
    } catch (...) {
        LogLine("error").add("reason", "unknown");
    }
}

}  // namespace

void Service::serve(Proxy& proxy) {
    const coloop::ServeOptions options{.max_connections = proxy.settings.max_connections,
                                       .on_error = report,
                                       .grace = proxy.settings.drain,
                                       .on_stragglers = [](const std::vector<std::string>& some) {
                                           LogLine("cut_off").add("connections", some.size());
                                       }};
    coloop::serve(
        listener,
        [&](coloop::TcpStream client) {
            Access access(proxy, protocol, client);
            try {
                handle(client, access);
            } catch (const coloop::Error& error) {
                access.outcome = error.what();
            }
        },
        options);
}

std::deque<Service> open_services(Proxy& proxy, Sockets& inherited) {
    std::deque<Service> services;
    for (const std::string& address : proxy.settings.socks5) {
        services.push_back(open("socks5", address, inherited));
        services.back().handle = [&proxy](auto& client, Access& access) {
            serve_socks5(client, proxy, access);
        };
    }
    for (const std::string& address : proxy.settings.http) {
        services.push_back(open("http", address, inherited));
        services.back().handle = [&proxy](auto& client, Access& access) {
            serve_http(client, proxy, access);
        };
    }
    for (const std::string& rule : proxy.settings.forward) {
        services.push_back(open_forwarder(rule, proxy, inherited));
    }
    return services;
}

}  // namespace proxy

// SPDX-License-Identifier: MIT
#include "dial.hpp"

#include <vector>

#include <coloop/dns.hpp>
#include <coloop/timeout.hpp>

namespace proxy {

namespace {

Outcome outcome_of(const std::error_code& code) {
    if (code == std::errc::connection_refused) {
        return Outcome::refused;
    }
    if (code == std::errc::network_unreachable) {
        return Outcome::network_unreachable;
    }
    if (code == std::errc::host_unreachable) {
        return Outcome::host_unreachable;
    }
    if (code == std::errc::timed_out) {
        return Outcome::timed_out;
    }
    if (code == std::errc::permission_denied || code == std::errc::operation_not_permitted) {
        return Outcome::not_allowed;  // by the system's rules
    }
    return Outcome::failed;
}

std::vector<coloop::Address> addresses_of(const Target& target) {
    std::vector<coloop::Address> addresses = coloop::resolve(target.host);
    for (coloop::Address& address : addresses) {
        address = address.with_port(target.port);
    }
    return addresses;
}

}  // namespace

std::string Target::to_string() const {
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return (is_ipv6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

Dialed dial(const Target& target, Proxy& proxy, Access& access) {
    access.target = target.to_string();
    const Settings& settings = proxy.settings;
    if (target.port == 0 || (!settings.ports.empty() && !settings.ports.contains(target.port))) {
        access.outcome = "port not allowed";
        return {Outcome::not_allowed, {}};
    }
    Outcome if_it_fails = Outcome::unknown_host;
    try {
        return coloop::with_timeout(settings.connect_timeout, [&]() -> Dialed {
            const std::vector<coloop::Address> addresses = addresses_of(target);
            if_it_fails = Outcome::failed;
            coloop::TcpStream stream = coloop::TcpStream::connect(addresses);
            access.via = stream.peer_address().to_string();
            stream.set_no_delay(true);
            return {Outcome::connected, std::move(stream)};
        });
    } catch (const coloop::Error& error) {
        access.outcome = error.what();
        const Outcome outcome = outcome_of(error.code());
        return {outcome == Outcome::failed ? if_it_fails : outcome, {}};
    }
}

}  // namespace proxy

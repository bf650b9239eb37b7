// SPDX-License-Identifier: MIT
#include "backends.hpp"

#include <algorithm>

namespace proxy {

Backends::Backends(std::string_view list, const Settings& settings) : settings_(settings) {
    for (std::size_t begin = 0; begin <= list.size();) {
        const std::string name(list.substr(begin, list.find(',', begin) - begin));
        const std::size_t colon = name.rfind(':');
        const auto port = colon == std::string::npos
                              ? std::nullopt
                              : coloop::parse_decimal<std::uint16_t>(name.substr(colon + 1));
        if (!port || *port == 0 || colon == 0) {
            throw coloop::Error(std::make_error_code(std::errc::invalid_argument), "forward to",
                                name);
        }
        backends_.push_back({name, name.substr(0, colon), *port});
        begin += name.size() + 1;
    }
}

void Backends::serve(coloop::TcpStream& client, Access& access) {
    coloop::TcpStream server = connect(access);
    if (server.is_open()) {
        relay(client, server, {}, access);
    } else {
        client.reset();
    }
}

coloop::TcpStream Backends::connect(Access& access) {
    std::vector<Backend*> order;
    for (std::size_t i = 0; i < backends_.size(); ++i) {
        order.push_back(&backends_[(next_ + i) % backends_.size()]);
    }
    std::stable_partition(order.begin(), order.end(), [](const Backend* one) { return one->up; });
    next_ = (next_ + 1) % backends_.size();
    coloop::TcpStream stream;
    for (Backend* backend : order) {
        access.via = backend->name;
        if (reach(*backend, settings_.connect_timeout, stream, access.outcome)) {
            break;
        }
        set_up(*backend, false, access.outcome);
    }
    return stream;
}

/// Connects; or false, with the reason.
bool Backends::reach(const Backend& backend, Settings::Duration limit, coloop::TcpStream& stream,
                     std::string& reason) {
    try {
        stream = coloop::with_timeout(
            limit, [&] { return coloop::TcpStream::connect(backend.host, backend.port); });
        return true;
    } catch (const coloop::Error& error) {
        reason = error.what();
        return false;
    }
}

void Backends::set_up(Backend& backend, bool up, std::string_view reason) {
    const bool would_come_back = settings_.check_interval > Settings::Duration(0);
    if (backend.up != up && would_come_back) {
        backend.up = up;
        common::log("backend",
                    {{"name", backend.name}, {"state", up ? "up" : "down"}, {"reason", reason}});
    }
}

void Backends::check() {
    coloop::TaskGroup group;
    for (Backend& backend : backends_) {
        group.spawn(
            [this, &backend] {
                for (;; coloop::co_sleep(settings_.check_interval)) {
                    coloop::TcpStream stream;
                    std::string reason = "answers again";
                    const bool up = reach(backend, settings_.check_timeout, stream, reason);
                    set_up(backend, up, reason);
                }
            },
            {.name = "check"});
    }
    group.wait();
}

}  // namespace proxy

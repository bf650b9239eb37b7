// SPDX-License-Identifier: MIT
#include "backends.hpp"

#include <algorithm>

#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/text.hpp>
#include <coloop/timeout.hpp>

#include "log.hpp"
#include "relay.hpp"

namespace proxy {

namespace {

Backend parse_backend(std::string_view text) {
    Backend backend;
    backend.name = text;
    if (auto numeric = coloop::Address::parse(text, std::nothrow)) {
        backend.address = *numeric;
    }
    const std::size_t colon = text.rfind(':');
    const auto port = colon == std::string_view::npos
                          ? std::nullopt
                          : coloop::parse_decimal<std::uint16_t>(text.substr(colon + 1));
    if (!port || *port == 0 || colon == 0) {
        throw coloop::Error(std::make_error_code(std::errc::invalid_argument), "forward to", text);
    }
    backend.host = text.substr(0, colon);
    backend.port = *port;
    return backend;
}

}  // namespace

Backends::Backends(std::string_view list, const Settings& settings) : settings_(settings) {
    for (std::size_t begin = 0; begin <= list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        backends_.push_back(parse_backend(list.substr(begin, end - begin)));
        begin = end + 1;
    }
}

/// The one whose turn it is of those in use, or else of those that are not; null if all were tried.
Backend* Backends::choose(const std::vector<const Backend*>& tried) {
    Backend* best = nullptr;
    for (std::size_t i = 0; i < backends_.size(); ++i) {
        Backend& candidate = backends_[(next_ + i) % backends_.size()];
        if (std::find(tried.begin(), tried.end(), &candidate) != tried.end()) {
            continue;
        }
        const bool is_better =
            best == nullptr || (candidate.up && !best->up) ||
            (candidate.up == best->up && settings_.balance == Balance::least_connections &&
             candidate.connections < best->connections);
        best = is_better ? &candidate : best;
    }
    next_ = (next_ + 1) % backends_.size();
    return best;
}

bool Backends::reach(Backend& backend, coloop::TcpStream& stream, Duration limit,
                     std::string& reason) {
    try {
        stream = coloop::with_timeout(limit, [&] {
            return backend.address ? coloop::TcpStream::connect(*backend.address)
                                   : coloop::TcpStream::connect(backend.host, backend.port);
        });
        return true;
    } catch (const coloop::Error& error) {
        reason = error.what();
        return false;
    }
}

std::optional<BackendConnection> Backends::connect(Access& access) {
    std::vector<const Backend*> tried;
    coloop::TcpStream stream;
    while (Backend* backend = choose(tried)) {
        if (reach(*backend, stream, settings_.connect_timeout, access.outcome)) {
            access.via = backend->name;
            return BackendConnection(*backend, std::move(stream));
        }
        set_up(*backend, false, access.outcome);
        tried.push_back(backend);
    }
    return std::nullopt;
}

void Backends::set_up(Backend& backend, bool up, std::string_view reason) {
    backend.against = 0;
    const bool would_come_back = settings_.health.interval > Duration(0);
    if (backend.up != up && would_come_back) {
        backend.up = up;
        LogLine("backend")
            .add("name", backend.name)
            .add("state", up ? "up" : "down")
            .add("reason", reason);
    }
}

void Backends::check() {
    coloop::TaskGroup group;
    for (Backend& backend : backends_) {
        group.spawn([&] { check(backend); }, {.name = "check"});
    }
    group.wait();
}

void Backends::check(Backend& backend) {
    const HealthSettings& health = settings_.health;
    for (;; coloop::co_sleep(health.interval)) {
        coloop::TcpStream stream;
        std::string reason = "answers again";
        const bool answers = reach(backend, stream, health.timeout, reason);
        if (answers == backend.up) {
            backend.against = 0;
        } else if (++backend.against >= (answers ? health.rise : health.fall)) {
            set_up(backend, answers, reason);
        }
    }
}

void serve_forward(coloop::TcpStream& client, Backends& backends, Proxy& proxy, Access& access) {
    std::optional<BackendConnection> server = backends.connect(access);
    if (!server) {
        client.reset();
        return;
    }
    client.set_no_delay(true);
    server->stream.set_no_delay(true);
    relay(client, server->stream, {}, proxy, access);
}

}  // namespace proxy

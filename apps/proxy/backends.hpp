// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "proxy.hpp"

namespace proxy {

/// Several servers that do the same and take turns. One that can't be reached, by a client or by a
/// check, is out of use until a check succeeds; without checks, none ever is.
class Backends {
public:
    /// `list` is "host:port,host:port..."; throws Error if it is not.
    Backends(std::string_view list, const Settings& settings) : settings_(settings) {
        for (std::size_t begin = 0; begin <= list.size();) {
            const std::string name(list.substr(begin, list.find(',', begin) - begin));
            const std::optional<Target> target = parse_target(name);
            if (!target) {
                throw coloop::Error(std::make_error_code(std::errc::invalid_argument), "forward to",
                                    name);
            }
            backends_.push_back({name, *target});
            begin += name.size() + 1;
        }
    }

    /// Carries a client's connection to the next one, to another if that fails, and to those that
    /// are out of use if there is no other. A client that none is there for is reset.
    void serve(coloop::TcpStream& client, Access& access) {
        for (Backend* backend : in_turn()) {
            access.via = backend->name;
            coloop::Result<coloop::TcpStream> server = reach(*backend, settings_.connect_timeout);
            if (server) {
                return relay(client, *server, {}, access);
            }
            access.outcome = server.error().what();
        }
        client.reset();
    }

    /// Checks all, from time to time, until cancelled.
    void check() {
        coloop::TaskGroup group;
        for (Backend& backend : backends_) {
            group.spawn(
                [this, &backend] {
                    for (;; coloop::co_sleep(settings_.check_interval)) {
                        static_cast<void>(reach(backend, settings_.check_timeout));
                    }
                },
                {.name = "check"});
        }
        group.wait();
    }

private:
    struct Backend {
        std::string name;  ///< "host:port"
        Target target;
        bool up = true;
    };

    /// In the order in which a client tries them: who comes first is last for the next one.
    std::vector<Backend*> in_turn() {
        std::vector<Backend*> order;
        for (std::size_t i = 0; i < backends_.size(); ++i) {
            order.push_back(&backends_[(next_ + i) % backends_.size()]);
        }
        std::stable_partition(order.begin(), order.end(), [](Backend* one) { return one->up; });
        next_ = static_cast<std::size_t>(order.front() - backends_.data()) + 1;
        return order;
    }

    /// Connects, and notes whether that could be done.
    coloop::Result<coloop::TcpStream> reach(Backend& backend, Settings::Duration limit) {
        try {
            coloop::TcpStream stream = coloop::with_timeout(limit, [&] {
                return coloop::TcpStream::connect(backend.target.host, backend.target.port);
            });
            note(backend, true, "answers again");
            return stream;
        } catch (const coloop::Error& error) {
            if (error.code() != std::errc::too_many_files_open) {  // which says nothing about it
                note(backend, false, error.what());
            }
            return error;
        }
    }

    void note(Backend& backend, bool up, std::string_view reason) {
        const bool would_come_back = settings_.check_interval > Settings::Duration(0);
        if (backend.up != up && would_come_back) {
            backend.up = up;
            common::log(
                "backend",
                {{"name", backend.name}, {"state", up ? "up" : "down"}, {"reason", reason}});
        }
    }

    const Settings& settings_;
    std::vector<Backend> backends_;
    std::size_t next_ = 0;
};

}  // namespace proxy

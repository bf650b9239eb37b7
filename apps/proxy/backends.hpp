// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coloop/tcp.hpp>

#include "access.hpp"
#include "settings.hpp"

namespace proxy {

/// One of several servers that do the same.
struct Backend {
    std::string name;  ///< "host:port"
    std::string host;
    std::uint16_t port = 0;
    std::optional<coloop::Address> address;  ///< if the host is numeric
    std::size_t connections = 0;
    bool up = true;
    unsigned against = 0;  ///< checks in a row that say otherwise
};

/// A connection to a back end, which counts there as long as this exists.
class BackendConnection {
public:
    BackendConnection(Backend& backend, coloop::TcpStream connected)
        : stream(std::move(connected)), backend_(&backend) {
        ++backend_->connections;
    }

    BackendConnection(BackendConnection&& other) noexcept
        : stream(std::move(other.stream)), backend_(std::exchange(other.backend_, nullptr)) {}

    BackendConnection& operator=(BackendConnection&&) = delete;

    ~BackendConnection() {
        if (backend_ != nullptr) {
            --backend_->connections;
        }
    }

    coloop::TcpStream stream;

private:
    Backend* backend_;
};

/// Chooses among back ends, and keeps an eye on them: one that refuses a connection, or fails its
/// checks, gets no more until it passes them again.
class Backends {
public:
    /// `list` is "host:port,host:port..."; throws Error if it is not.
    Backends(std::string_view list, const Settings& settings);

    /// Connects to the next, as the balance has it; to another one if that fails, and to those that
    /// are out of use if there is no other. Nothing if none answers.
    std::optional<BackendConnection> connect(Access& access);

    /// Checks all, from time to time, until cancelled.
    void check();

private:
    Backend* choose(const std::vector<const Backend*>& tried);
    bool reach(Backend& backend, coloop::TcpStream& stream, Duration limit, std::string& reason);
    void check(Backend& backend);
    void set_up(Backend& backend, bool up, std::string_view reason);

    const Settings& settings_;
    std::deque<Backend> backends_;
    std::size_t next_ = 0;
};

/// Carries a connection to whichever back end is chosen. A client that none is there for is reset.
void serve_forward(coloop::TcpStream& client, Backends& backends, Proxy& proxy, Access& access);

}  // namespace proxy

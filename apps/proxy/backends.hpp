// SPDX-License-Identifier: MIT
#pragma once

#include "proxy.hpp"

namespace proxy {

/// Several servers that do the same and take turns. One that refuses a connection, or fails a
/// check, is out of use until it passes one; without checks, none ever is.
class Backends {
public:
    /// `list` is "host:port,host:port..."; throws Error if it is not.
    Backends(std::string_view list, const Settings& settings);

    /// Carries a client's connection to the next one, to another if that fails, and to those that
    /// are out of use if there is no other. A client that none is there for is reset.
    void serve(coloop::TcpStream& client, Access& access);

    /// Checks all, from time to time, until cancelled.
    void check();

private:
    struct Backend {
        std::string name;  ///< "host:port"
        std::string host;
        std::uint16_t port;
        bool up = true;
    };

    coloop::TcpStream connect(Access& access);
    static bool reach(const Backend& backend, Settings::Duration limit, coloop::TcpStream& stream,
                      std::string& reason);
    void set_up(Backend& backend, bool up, std::string_view reason);

    const Settings& settings_;
    std::vector<Backend> backends_;
    std::size_t next_ = 0;
};

}  // namespace proxy

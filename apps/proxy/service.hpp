// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <coloop/tcp.hpp>

#include "access.hpp"
#include "backends.hpp"
#include "takeover.hpp"

namespace proxy {

/// A place to listen at, and what clients get there.
struct Service {
    std::string protocol;
    std::string name;  ///< for a successor
    coloop::TcpListener listener;
    std::unique_ptr<Backends> backends;  ///< of a forwarder
    std::function<void(coloop::TcpStream&, Access&)> handle;

    /// Until the listener is stopped or the caller cancelled, and all clients have gone.
    void serve(Proxy& proxy);
};

/// All that the settings ask for, on sockets that are inherited or new.
std::deque<Service> open_services(Proxy& proxy, Sockets& inherited);

}  // namespace proxy

// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include <coloop/coloop.hpp>

namespace proxy {

// A hot restart, by way of a socket at a path that only its user may write to. The successor
// connects and is sent the listening sockets, and with them the one it has come by; when it listens
// it says so, and only then its predecessor stops. Whatever fails before that changes nothing.

/// Listening sockets by what they are for: "socks5 127.0.0.1:1080".
using Sockets = std::map<std::string, coloop::Descriptor>;
using Listeners = std::map<std::string, coloop::TcpListener>;

/// The successor's side: takes over the sockets of whoever is at `path`, and leaves `predecessor`
/// connected to him, who goes when he is told "ready\n". If there is nobody it is not open, and
/// there are no sockets.
Sockets take_over(const std::string& path, coloop::PipeStream& predecessor);

/// The predecessor's side: waits until a successor has taken over `listeners`, stops
/// them, and gives the socket at the path to him, too.
void wait_for_successor(coloop::PipeListener& control, Listeners& listeners);

inline constexpr const char* control_name = "control";  // of the socket at the path

/// The listener that was taken over by this name, or a new one.
template <typename Listener, typename Place>
Listener listen(Sockets& inherited, const std::string& name, const Place& place) {
    if (auto found = inherited.extract(name)) {
        return Listener::adopt_descriptor(std::move(found.mapped()));
    }
    return Listener(place);
}

}  // namespace proxy

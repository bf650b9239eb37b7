// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>

#include <coloop/descriptor.hpp>
#include <coloop/pipe.hpp>
#include <coloop/tcp.hpp>

namespace proxy {

/// Listening sockets by what they are for: "socks5 127.0.0.1:1080".
using Sockets = std::map<std::string, coloop::Descriptor>;

// A hot restart, by way of a socket at a path that only its user may write to. The successor
// connects and is sent the listening sockets, and with them the one it has come by; when it listens
// it says so, and only then its predecessor stops. Whatever fails before that changes nothing.

/// The successor's side.
class Predecessor {
public:
    /// Connects to whoever is there and takes over what he has. Nothing if there is nobody.
    static std::optional<Predecessor> find(const std::string& path);

    Sockets sockets;

    /// Tells him that he can go.
    void relieve();

private:
    explicit Predecessor(coloop::PipeStream stream) : stream_(std::move(stream)) {}

    coloop::PipeStream stream_;
};

/// The predecessor's side: waits until a successor has taken over `listeners`, named as in Sockets,
/// and gives the socket at the path to him, too.
void wait_for_successor(coloop::PipeListener& control,
                        const std::map<std::string, coloop::TcpListener*>& listeners);

/// Of the predecessor, or a new one.
coloop::PipeListener control_socket(const std::string& path, Sockets& inherited);

/// The same for a service.
coloop::TcpListener service_socket(const std::string& name, const coloop::Address& address,
                                   Sockets& inherited);

}  // namespace proxy

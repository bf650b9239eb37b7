// SPDX-License-Identifier: MIT
//
// A hot restart, by way of a socket at a path that only its user may write to. The successor
// connects and is sent the listening sockets, and with them the one it has come by; when it listens
// it says so, and only then its predecessor stops. Whatever fails before that changes nothing.
#pragma once

#include <array>
#include <chrono>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <coloop/coloop.hpp>

#include "../common/log.hpp"

namespace proxy {

/// Listening sockets by what they are for: "socks5 127.0.0.1:1080".
using Sockets = std::map<std::string, coloop::Descriptor>;
using Listeners = std::map<std::string, coloop::TcpListener>;

inline constexpr const char* control_name = "control";    // of the socket at the path
inline constexpr std::chrono::seconds takeover_time(10);  // for what the other side has to do

/// The listener that was taken over by this name, or a new one.
template <typename Listener, typename Place>
Listener listen(Sockets& inherited, const std::string& name, const Place& place) {
    if (auto found = inherited.extract(name)) {
        return Listener::adopt_descriptor(std::move(found.mapped()));
    }
    return Listener(place);
}

/// The successor's side: takes over the sockets of whoever is at `path`, and leaves `predecessor`
/// connected to him, who goes when he is told "ready\n". If there is nobody it is not open, and
/// there are no sockets.
inline Sockets take_over(const std::string& path, coloop::PipeStream& predecessor) {
    if (auto connected = coloop::PipeStream::connect(path, std::nothrow)) {
        predecessor = *std::move(connected);
    } else {
        return {};
    }
    std::string names;
    std::vector<coloop::Descriptor> descriptors;
    coloop::with_timeout(takeover_time, [&] {
        std::array<std::byte, 4096> buffer;
        while (!names.ends_with("\n\n")) {
            coloop::ReceivedDescriptors received = predecessor.receive_descriptors(buffer);
            if (received.size == 0 || received.lost) {
                throw coloop::Error(coloop::Errc::end_of_stream, "take over");
            }
            names.append(reinterpret_cast<const char*>(buffer.data()), received.size);
            std::move(received.descriptors.begin(), received.descriptors.end(),
                      std::back_inserter(descriptors));
        }
    });
    Sockets sockets;
    std::istringstream lines(names);
    std::string name;
    for (coloop::Descriptor& descriptor : descriptors) {
        std::getline(lines, name);
        sockets[name] = std::move(descriptor);
    }
    common::log("takeover", {{"state", "begun"}, {"sockets", sockets.size()}});
    return sockets;
}

/// The other side: each socket has a line with its name, and an empty line is the end.
/// Returns false if the successor has not said that it listens.
inline bool hand_over(coloop::PipeStream& successor, const coloop::PipeListener& control,
                      const Listeners& listeners) {
    std::string names = std::string(control_name) + '\n';
    std::vector<coloop::Descriptor> descriptors;
    descriptors.push_back(control.duplicate_descriptor());
    for (const auto& [name, listener] : listeners) {
        names += name + '\n';
        descriptors.push_back(listener.duplicate_descriptor());
    }
    names += '\n';
    successor.send_descriptors(descriptors, std::as_bytes(std::span(names)));
    coloop::BufReader reader(successor, 64);
    return reader.read_line() == "ready";
}

/// Waits until a successor has taken over `listeners`, stops them, and leaves him the socket at the
/// path, too.
inline void wait_for_successor(coloop::PipeListener& control, Listeners& listeners) {
    for (bool done = false; !done;) {
        try {
            coloop::PipeStream successor = control.accept();
            done = coloop::with_timeout(takeover_time,
                                        [&] { return hand_over(successor, control, listeners); });
        } catch (const coloop::Error& error) {
            common::log("takeover", {{"state", "failed"}, {"reason", error.what()}});
        }
    }
    common::log("takeover", {{"state", "done"}});
    for (auto& [name, listener] : listeners) {
        listener.stop();
    }
    static_cast<void>(control.release_descriptor(std::nothrow));
}

}  // namespace proxy

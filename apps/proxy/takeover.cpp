// SPDX-License-Identifier: MIT
#include "takeover.hpp"

#include <array>
#include <chrono>
#include <iterator>
#include <vector>

#include "../common/log.hpp"

namespace proxy {

namespace {

constexpr std::chrono::seconds patience(10);  // with the other side

/// Sends what there is to listen on, each by a line with its name and its descriptor, and an empty
/// line at the end. Returns false if the successor has not said that it listens.
bool hand_over(coloop::PipeStream& successor, const coloop::PipeListener& control,
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

/// The other end of that.
Sockets receive(coloop::PipeStream& predecessor) {
    std::string names;
    std::vector<coloop::Descriptor> descriptors;
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
    Sockets sockets;
    for (std::size_t begin = 0; coloop::Descriptor & descriptor : descriptors) {
        const std::size_t end = names.find('\n', begin);
        sockets[names.substr(begin, end - begin)] = std::move(descriptor);
        begin = end + 1;
    }
    return sockets;
}

}  // namespace

Sockets take_over(const std::string& path, coloop::PipeStream& predecessor) {
    try {
        predecessor = coloop::PipeStream::connect(path);
    } catch (const coloop::Error& error) {
        if (error.code() == std::errc::connection_refused ||
            error.code() == std::errc::no_such_file_or_directory) {
            return {};
        }
        throw;
    }
    Sockets sockets = coloop::with_timeout(patience, [&] { return receive(predecessor); });
    common::log("takeover", {{"state", "begun"}, {"sockets", sockets.size()}});
    return sockets;
}

void wait_for_successor(coloop::PipeListener& control, Listeners& listeners) {
    for (bool done = false; !done;) {
        try {
            coloop::PipeStream successor = control.accept();
            done = coloop::with_timeout(patience,
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

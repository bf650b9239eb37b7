// SPDX-License-Identifier: MIT
#include "takeover.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <coloop/buf_reader.hpp>
#include <coloop/timeout.hpp>

#include "log.hpp"

namespace proxy {

namespace {

using namespace std::chrono_literals;

constexpr const char* control_name = "control";
constexpr auto patience = 10s;  // with the other side of a takeover

/// Sends what there is to listen on, each by a line with its name and its descriptor, and an empty
/// line at the end. Returns false if the successor has not said that it listens.
bool hand_over(coloop::PipeStream& successor, const coloop::PipeListener& control,
               const std::map<std::string, coloop::TcpListener*>& listeners) {
    std::string names = std::string(control_name) + '\n';
    std::vector<coloop::Descriptor> descriptors;
    descriptors.push_back(control.duplicate_descriptor());
    for (const auto& [name, listener] : listeners) {
        names += name + '\n';
        descriptors.push_back(listener->duplicate_descriptor());
    }
    names += '\n';
    successor.send_descriptors(descriptors, std::as_bytes(std::span(names)));
    coloop::BufReader reader(successor, 64);
    return reader.read_line() == "ready";
}

}  // namespace

std::optional<Predecessor> Predecessor::find(const std::string& path) {
    auto stream = coloop::PipeStream::connect(path, std::nothrow);
    if (!stream) {
        const std::error_code code = stream.error().code();
        if (code == std::errc::connection_refused || code == std::errc::no_such_file_or_directory) {
            return std::nullopt;
        }
        stream.error().raise();
    }
    Predecessor result(*std::move(stream));
    std::string names;
    std::vector<coloop::Descriptor> descriptors;
    coloop::with_timeout(patience, [&] {
        std::array<std::byte, 4096> buffer;
        while (!names.ends_with("\n\n")) {
            coloop::ReceivedDescriptors received = result.stream_.receive_descriptors(buffer);
            if (received.size == 0 || received.lost) {
                throw coloop::Error(coloop::Errc::end_of_stream, "take over from", path);
            }
            names.append(reinterpret_cast<const char*>(buffer.data()), received.size);
            std::move(received.descriptors.begin(), received.descriptors.end(),
                      std::back_inserter(descriptors));
        }
    });
    for (std::size_t begin = 0; coloop::Descriptor & descriptor : descriptors) {
        const std::size_t end = names.find('\n', begin);
        result.sockets[names.substr(begin, end - begin)] = std::move(descriptor);
        begin = end + 1;
    }
    LogLine("takeover").add("state", "begun").add("sockets", result.sockets.size());
    return result;
}

void Predecessor::relieve() { stream_.write("ready\n"); }

void wait_for_successor(coloop::PipeListener& control,
                        const std::map<std::string, coloop::TcpListener*>& listeners) {
    for (;;) {
        try {
            coloop::PipeStream successor = control.accept();
            if (coloop::with_timeout(patience,
                                     [&] { return hand_over(successor, control, listeners); })) {
                break;
            }
        } catch (const coloop::Error& error) {
            LogLine("takeover").add("state", "failed").add("reason", error.what());
        }
    }
    LogLine("takeover").add("state", "done");
    for (const auto& [name, listener] : listeners) {
        listener->stop();
    }
    static_cast<void>(control.release_descriptor(std::nothrow));
}

coloop::PipeListener control_socket(const std::string& path, Sockets& inherited) {
    if (auto found = inherited.extract(control_name)) {
        return coloop::PipeListener::adopt_descriptor(std::move(found.mapped()));
    }
    return coloop::PipeListener(path);
}

coloop::TcpListener service_socket(const std::string& name, const coloop::Address& address,
                                   Sockets& inherited) {
    if (auto found = inherited.extract(name)) {
        return coloop::TcpListener::adopt_descriptor(std::move(found.mapped()));
    }
    return coloop::TcpListener(address);
}

}  // namespace proxy

// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <algorithm>
#include <utility>

#include <CLI/CLI.hpp>

#include "protocol.hpp"

namespace nbd {

namespace {

std::pair<std::string, std::string> split(const std::string& option, const std::string& text) {
    const std::size_t sign = text.find('=');
    if (sign == std::string::npos || sign == 0 || sign + 1 == text.size()) {
        throw CLI::ValidationError(option, "wants NAME=..., not " + text);
    }
    if (std::max(sign, text.size() - sign - 1) > longest_text) {
        throw CLI::ValidationError(option, "has too long a text");
    }
    return {text.substr(0, sign), text.substr(sign + 1)};
}

DiskOptions* find(std::vector<DiskOptions>& exports, const std::string& name) {
    const auto found = std::find_if(exports.begin(), exports.end(),
                                    [&](const DiskOptions& one) { return one.name == name; });
    return found == exports.end() ? nullptr : &*found;
}

DiskOptions& require(std::vector<DiskOptions>& exports, const std::string& option,
                     const std::string& name) {
    DiskOptions* found = find(exports, name);
    if (found == nullptr) {
        throw CLI::ValidationError(option, "there is no export " + name);
    }
    return *found;
}

void add_exports(std::vector<DiskOptions>& exports, const std::string& option,
                 const std::vector<std::string>& texts, bool read_only) {
    for (const std::string& text : texts) {
        const auto [name, path] = split(option, text);
        if (find(exports, name) != nullptr) {
            throw CLI::ValidationError(option, "there are two exports " + name);
        }
        exports.push_back({.name = name, .path = path, .read_only = read_only});
    }
}

CLI::Option* add_time(CLI::App& app, const std::string& name, std::chrono::milliseconds& time,
                      const std::string& description) {
    const double standard = std::chrono::duration<double>(time).count();
    return app
        .add_option_function<double>(
            name,
            [&time](double seconds) {
                time = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
            },
            description)
        ->check(CLI::Range(0.0, 1e6))
        ->default_str(CLI::detail::to_string(standard));
}

void add_limits(CLI::App& app, Settings& settings) {
    app.add_option("--max-connections", settings.serving.max_connections,
                   "Connections handled at once, of each listener; further ones wait")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--max-requests", settings.limits.requests,
                   "Requests of a connection under way at once; then it is not read from")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option_function<std::size_t>(
           "--max-memory", [&](std::size_t mebibytes) { settings.limits.memory = mebibytes << 20; },
           "MiB that the data of a connection's requests may take")
        ->check(CLI::Range(longest_data >> 20, 1U << 20))
        ->default_str("64");
    add_time(app, "--handshake-timeout", settings.limits.handshake,
             "Seconds in which a client must have chosen an export");
    add_time(app, "--stall-timeout", settings.limits.stall,
             "Seconds in which a client must take, or send, a MiB or what is less of a request");
    add_time(app, "--grace", settings.serving.grace,
             "Seconds that clients have to go when the server is told to stop");
}

}  // namespace

std::optional<int> read_options(int argc, char** argv, Settings& settings) {
    CLI::App app("Serves files as disks over the network block device protocol.");
    std::vector<std::string> writable;
    std::vector<std::string> read_only;
    std::vector<std::string> descriptions;
    app.add_option("--export", writable, "NAME=PATH: a file or block device to serve");
    app.add_option("--read-only-export", read_only, "The same, for reading only");
    app.add_option("--describe", descriptions, "NAME=TEXT: what clients are told of an export");
    app.add_option("--default", settings.default_export,
                   "The export of clients that name none; else it is the first");
    app.add_option("--host", settings.host, "Numeric address to listen on")->capture_default_str();
    app.add_option("--port", settings.port,
                   "TCP port to listen on; 0 for any that is free; 10809 unless --unix is given");
    app.add_option("--unix", settings.unix_path, "Path of a Unix socket to listen on");
    settings.serving.grace = std::chrono::seconds(5);
    add_limits(app, settings);
    try {
        app.parse(argc, argv);
        add_exports(settings.exports, "--export", writable, false);
        add_exports(settings.exports, "--read-only-export", read_only, true);
        if (settings.exports.empty()) {
            throw CLI::RequiredError("--export");
        }
        for (const std::string& text : descriptions) {
            auto [name, description] = split("--describe", text);
            require(settings.exports, "--describe", name).description = std::move(description);
        }
        if (settings.default_export.empty()) {
            settings.default_export = settings.exports.front().name;
        }
        require(settings.exports, "--default", settings.default_export);
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    }
    return std::nullopt;
}

}  // namespace nbd

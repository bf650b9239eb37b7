// SPDX-License-Identifier: MIT
//
// A server that speaks the protocol of Redis.
#include <csignal>
#include <map>
#include <string>

#include <CLI/CLI.hpp>

#include <coloop/coloop.hpp>

#include "../common/server.hpp"
#include "server.hpp"

namespace {

void add_options(CLI::App& options, redis::Settings& settings) {
    options.option_defaults()->always_capture_default();
    options.add_option("--host", settings.host, "Numeric address to listen on");
    options.add_option("--port", settings.port, "Port to listen on; 0 for any that is free");
    options
        .add_option("--dir", settings.store.directory,
                    "Where the log is; without it nothing is kept")
        ->check([](const std::string& path) { return path.empty() ? "is empty" : ""; });
    const std::map<std::string, redis::Fsync> policies = {{"always", redis::Fsync::always},
                                                          {"everysec", redis::Fsync::everysec},
                                                          {"no", redis::Fsync::no}};
    options.add_option("--fsync", settings.store.fsync, "When the log is synced")
        ->needs("--dir")
        ->transform(CLI::Transformer(policies).description(""))
        ->transform(CLI::IsMember(policies))  // comes before the other, and complains in words
        ->default_str("everysec");
    options.add_option("--max-clients", settings.max_clients, "Further ones are refused")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 30));
    common::add_seconds(options, "--grace", settings.grace,
                        "Seconds that clients have to end when told to stop",
                        common::Zero::allowed);
    constexpr std::uint64_t most_bytes = std::uint64_t{1} << 50;
    const auto add_bytes = [&](const char* name, std::size_t& limit, const char* meaning) {
        options.add_option(name, limit, meaning)
            ->transform(CLI::AsSizeValue(false))
            ->check(CLI::Range(std::uint64_t{1}, most_bytes));  // -1 is a large number, too
    };
    add_bytes("--rewrite-size", settings.store.rewrite_size,
              "Bytes of log from which on a new one is begun with a snapshot");
    add_bytes("--max-bulk", settings.limits.bulk, "Bytes of one argument at most");
    add_bytes("--query-limit", settings.limits.request,
              "Bytes of a request or a transaction at most");
    add_bytes("--output-limit", settings.output_limit,
              "Bytes that a subscriber may leave unread; then it is dropped");
}

}  // namespace

int main(int argc, char** argv) {
    redis::Settings settings;
    CLI::App options("Speaks the protocol of Redis, and keeps what it is told.");
    add_options(options, settings);
    CLI11_PARSE(options, argc, argv);
    redis::Server server(settings);
    return coloop::run(
        [&] { server.run(); },
        coloop::shutdown_on({SIGINT, SIGTERM}, settings.grace).on_signal([&](int /*signal*/) {
            server.stop();
        }));
}

// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include <coloop/coloop.hpp>

#include "log.hpp"

namespace common {

/// Whether an option may be zero. To most times that would leave nothing to be done in.
enum class Zero : bool { refused, allowed };

/// An option for a time in seconds, which may have a fraction.
inline void add_seconds(CLI::App& app, const std::string& name, std::chrono::milliseconds& time,
                        const std::string& meaning, Zero zero = Zero::refused) {
    const auto set = [&time, name](double seconds) {
        if (std::isnan(seconds)) {  // which is in any range
            throw CLI::ValidationError(name, "not a number");
        }
        time = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
    };
    app.add_option_function<double>(name, set, meaning)
        ->check(CLI::Range(zero == Zero::allowed ? 0 : 0.001, 1e9))
        ->default_str(fmt::format("{}", static_cast<double>(time.count()) / 1000));
}

/// The options of all servers; what there is to tell while they serve goes into the log.
inline void add_serving(CLI::App& app, coloop::ServeOptions& serving) {
    app.add_option("--max-connections", serving.max_connections,
                   "Connections of each address at once; further ones wait")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    add_seconds(app, "--grace", serving.grace, "Seconds that clients have to go when told to stop",
                Zero::allowed);
    serving.on_error = [](const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            log("error", {{"reason", error.what()}});
        } catch (...) {
            log("error", {{"reason", "unknown"}});
        }
    };
    serving.on_stragglers = [](const auto& all) { log("cut_off", {{"connections", all.size()}}); };
}

/// Says where it listens, in the line that whoever has started the server waits for.
inline void announce(std::string_view address, std::string_view protocol = "") {
    std::puts(fmt::format("{}listening on {}", protocol, address).c_str());
    std::fflush(stdout);
}

}  // namespace common

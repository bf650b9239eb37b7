// SPDX-License-Identifier: MIT
//
// What has happened so far: in all, and second by second.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "histogram.hpp"
#include "settings.hpp"

namespace loadgen {

struct Second {
    double at;    // since the start
    double rate;  // answers per second
    double p50;   // milliseconds
    double p99;
};

struct Failures {
    std::uint64_t count = 0;
    std::string first;
};

struct Tally {
    std::uint64_t asked = 0;
    std::uint64_t failed = 0;
    std::map<std::string, Failures> failures;  // by kind
    Clock::time_point begin = Clock::now();    // of asking; until then, of connecting
    Histogram latencies;                       // of the seconds that have ended
    Histogram latencies_this_second;
    std::vector<Second> seconds;

    /// So many requests have come to nothing. `what` is said for the first one of its kind.
    void fail(const std::string& kind, const std::string& what, std::size_t requests) {
        failed += requests;
        Failures& alike = failures.try_emplace(kind, Failures{0, what}).first->second;
        alike.count += std::max<std::uint64_t>(1, requests);
    }

    /// Ends the present second, which may be a part of one.
    const Second& end_second() {
        const double now = std::chrono::duration<double>(Clock::now() - begin).count();
        const double took = now - duration();
        const Histogram& latest = latencies_this_second;
        seconds.push_back({now, took > 0 ? static_cast<double>(latest.count()) / took : 0,
                           latest.percentile(50), latest.percentile(99)});
        latencies.add(latest);
        latencies_this_second = Histogram();
        return seconds.back();
    }

    // Of all seconds that have ended.

    [[nodiscard]] std::uint64_t unanswered() const { return asked - failed - latencies.count(); }

    [[nodiscard]] double duration() const { return seconds.empty() ? 0 : seconds.back().at; }

    [[nodiscard]] double rate() const {
        return duration() > 0 ? static_cast<double>(latencies.count()) / duration() : 0;
    }
};

}  // namespace loadgen

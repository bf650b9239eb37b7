// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <array>
#include <iterator>
#include <vector>

#include <fmt/format.h>

namespace loadgen {

namespace {

constexpr std::array percents = {50.0, 75.0, 90.0, 99.0, 99.9, 99.99};

}  // namespace

std::string table(const Settings& settings, const Tally& tally) {
    const Histogram& latencies = tally.latencies;
    std::string text = fmt::format(
        "{} answers in {:.2f} s: {:.0f} per second\n{} connections, pipeline {}, {}\n\n"
        "latency         ms\n  least   {:8.3f}\n  mean    {:8.3f}\n",
        latencies.count(), tally.duration(), tally.rate(), settings.connections, settings.pipeline,
        settings.rate > 0 ? fmt::format("{:g} requests per second wanted", settings.rate)
                          : "as fast as answers come",
        latencies.least(), latencies.mean());
    const auto out = std::back_inserter(text);
    for (const double percent : percents) {
        fmt::format_to(out, "{:>7g} % {:8.3f}\n", percent, latencies.percentile(percent));
    }
    fmt::format_to(out, "  most    {:8.3f}\n\nerrors{}\n", latencies.most(),
                   tally.failures.empty() ? ": none" : "");
    for (const auto& [kind, failures] : tally.failures) {
        fmt::format_to(out, "  {}: {} (first: {})\n", kind, failures.count, failures.first);
    }
    if (tally.unanswered() > 0) {
        fmt::format_to(out, "without answer at the end: {}\n", tally.unanswered());
    }
    return text;
}

std::string json(const Settings& settings, const Tally& tally) {
    const Histogram& latencies = tally.latencies;
    std::vector<std::string> percentiles, errors, seconds;
    for (const double percent : percents) {
        percentiles.push_back(
            fmt::format("\"p{:g}\": {:.6f}", percent, latencies.percentile(percent)));
    }
    for (const auto& [kind, failures] : tally.failures) {
        errors.push_back(fmt::format("\"{}\": {}", kind, failures.count));
    }
    for (const Second& second : tally.seconds) {
        seconds.push_back(
            fmt::format(R"({{"at": {:.3f}, "rate": {:.1f}, "p50": {:.6f}, "p99": {:.6f}}})",
                        second.at, second.rate, second.p50, second.p99));
    }
    return fmt::format(
        R"({{"protocol": "{}", "connections": {}, "pipeline": {}, "size": {}, "wanted_rate": {},
 "seconds": {:.6f}, "answers": {}, "rate": {:.1f}, "failed": {}, "unanswered": {},
 "latency_ms": {{"least": {:.6f}, "mean": {:.6f}, {}, "most": {:.6f}}},
 "errors": {{{}}},
 "by_second": [
  {}]}}
)",
        settings.protocol, settings.connections, settings.pipeline, settings.size, settings.rate,
        tally.duration(), latencies.count(), tally.rate(), tally.failed, tally.unanswered(),
        latencies.least(), latencies.mean(), fmt::join(percentiles, ", "), latencies.most(),
        fmt::join(errors, ", "), fmt::join(seconds, ",\n  "));
}

}  // namespace loadgen

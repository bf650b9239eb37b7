// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <array>
#include <iterator>

#include <fmt/format.h>

namespace loadgen {

namespace {

constexpr std::array percents = {50.0, 75.0, 90.0, 99.0, 99.9, 99.99};

std::string manner(const Settings& settings) {
    return settings.rate > 0 ? fmt::format("{:g} requests per second wanted", settings.rate)
                             : std::string("as fast as answers come");
}

const char* name_of(Protocol protocol) {
    switch (protocol) {
        case Protocol::echo:
            return "echo";
        case Protocol::line:
            return "line";
        case Protocol::resp:
            break;
    }
    return "resp";
}

}  // namespace

std::string table(const Settings& settings, const Tally& tally) {
    const Histogram& latencies = tally.latencies();
    std::string text = fmt::format(
        "{} answers in {:.2f} s: {:.0f} per second\n{} connections, pipeline {}, {}\n\n"
        "latency         ms\n",
        latencies.count(), tally.duration(), tally.rate(), settings.connections, settings.pipeline,
        manner(settings));
    const auto out = std::back_inserter(text);
    fmt::format_to(out, "  least   {:8.3f}\n  mean    {:8.3f}\n", latencies.least(),
                   latencies.mean());
    for (const double percent : percents) {
        fmt::format_to(out, "{:>7g} % {:8.3f}\n", percent, latencies.percentile(percent));
    }
    fmt::format_to(out, "  most    {:8.3f}\n\nerrors{}\n", latencies.most(),
                   tally.failures().empty() ? ": none" : "");
    for (const auto& [kind, failures] : tally.failures()) {
        fmt::format_to(out, "  {}: {} (first: {})\n", kind, failures.count, failures.first);
    }
    if (tally.unanswered() > 0) {
        fmt::format_to(out, "without answer at the end: {}\n", tally.unanswered());
    }
    return text;
}

std::string json(const Settings& settings, const Tally& tally) {
    const Histogram& latencies = tally.latencies();
    std::string text = fmt::format(
        "{{\"protocol\": \"{}\", \"connections\": {}, \"pipeline\": {}, \"size\": {}, "
        "\"wanted_rate\": {}, \"seconds\": {:.6f}, \"answers\": {}, \"rate\": {:.1f}, "
        "\"failed\": {}, \"unanswered\": {},\n \"latency_ms\": {{\"least\": {:.6f}, "
        "\"mean\": {:.6f}, ",
        name_of(settings.protocol), settings.connections, settings.pipeline, settings.size,
        settings.rate, tally.duration(), latencies.count(), tally.rate(), tally.failed(),
        tally.unanswered(), latencies.least(), latencies.mean());
    const auto out = std::back_inserter(text);
    for (const double percent : percents) {
        fmt::format_to(out, "\"p{:g}\": {:.6f}, ", percent, latencies.percentile(percent));
    }
    fmt::format_to(out, "\"most\": {:.6f}}},\n \"errors\": {{", latencies.most());
    const char* between = "";
    for (const auto& [kind, failures] : tally.failures()) {
        fmt::format_to(out, "{}\"{}\": {}", between, kind, failures.count);
        between = ", ";
    }
    text += "},\n \"by_second\": [";
    between = "";
    for (const Second& second : tally.by_second()) {
        fmt::format_to(
            out, "{}\n  {{\"at\": {:.3f}, \"rate\": {:.1f}, \"p50\": {:.6f}, \"p99\": {:.6f}}}",
            between, second.at, second.rate, second.p50, second.p99);
        between = ",";
    }
    return text + "]}\n";
}

}  // namespace loadgen

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

class Tally {
public:
    explicit Tally(std::uint64_t requests) : left_(requests) {}

    /// From here on time counts.
    void begin() { begin_ = second_began_ = Clock::now(); }

    void end() {
        next_second();
        end_ = second_began_;
    }

    /// How many of the wanted requests may be sent: at most `most`, 0 when all have been.
    std::size_t take(std::size_t most) {
        const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(most, left_));
        left_ -= taken;
        asked_ += taken;
        return taken;
    }

    /// The same where the caller knows how many are wanted.
    void asked(std::size_t count) { asked_ += count; }

    void answered(Clock::duration latency) { this_second_.record(latency); }

    /// So many requests have come to nothing. `what` is said for the first one of its kind.
    void failed(const std::string& kind, const std::string& what, std::size_t requests) {
        failed_ += requests;
        Failures& failures = failures_[kind];
        failures.count += std::max<std::uint64_t>(1, requests);
        if (failures.first.empty()) {
            failures.first = what;
        }
    }

    /// Ends the present second.
    const Second& next_second() {
        const Clock::time_point now = Clock::now();
        const std::chrono::duration<double> took = now - second_began_;
        const double answers = static_cast<double>(this_second_.count());
        seconds_.push_back({std::chrono::duration<double>(now - begin_).count(),
                            took.count() > 0 ? answers / took.count() : 0,
                            this_second_.percentile(50), this_second_.percentile(99)});
        second_began_ = now;
        all_.add(this_second_);
        this_second_ = Histogram();
        return seconds_.back();
    }

    struct Failures {
        std::uint64_t count = 0;
        std::string first;
    };

    [[nodiscard]] const Histogram& latencies() const { return all_; }

    [[nodiscard]] const std::vector<Second>& by_second() const { return seconds_; }

    [[nodiscard]] const std::map<std::string, Failures>& failures() const { return failures_; }

    [[nodiscard]] std::uint64_t failed() const { return failed_; }

    [[nodiscard]] std::uint64_t unanswered() const { return asked_ - failed_ - all_.count(); }

    [[nodiscard]] double duration() const {
        return std::chrono::duration<double>(end_ - begin_).count();
    }

    [[nodiscard]] double rate() const {
        return duration() > 0 ? static_cast<double>(all_.count()) / duration() : 0;
    }

private:
    std::uint64_t left_;
    std::uint64_t asked_ = 0;
    std::uint64_t failed_ = 0;
    Clock::time_point begin_;
    Clock::time_point end_;
    Clock::time_point second_began_;
    Histogram all_;
    Histogram this_second_;
    std::vector<Second> seconds_;
    std::map<std::string, Failures> failures_;
};

}  // namespace loadgen

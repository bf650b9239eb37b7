// SPDX-License-Identifier: MIT
//
// When a connection is to send its requests. Closed loop: as soon as it has its answers. Open loop:
// at fixed moments, whatever the server does; a request counts from the moment at which it was due,
// so that a server which stalls cannot hide how long others would have waited for it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <coloop/sleep.hpp>

#include "settings.hpp"
#include "tally.hpp"

namespace loadgen {

class Schedule {
public:
    /// Of connection `number`, from `start` on.
    Schedule(const Settings& settings, Tally& tally, std::size_t number, Clock::time_point start)
        : settings_(settings), tally_(tally), start_(start), next_(number) {}

    /// Waits until a request is due. Returns the moments of those that are, at most so many as may
    /// be in the pipeline; none at the end.
    const std::vector<Clock::time_point>& wait() {
        due_.clear();
        if (settings_.rate == 0) {
            const std::uint64_t left = settings_.requests - tally_.asked;
            due_.assign(std::min<std::uint64_t>(left, settings_.pipeline), Clock::now());
        } else if (next_ < settings_.requests) {
            wait_until(moment());
            const Clock::time_point now = Clock::now();
            for (;
                 due_.size() < settings_.pipeline && next_ < settings_.requests && moment() <= now;
                 next_ += settings_.connections) {
                due_.push_back(moment());
            }
        }
        tally_.asked += due_.size();
        return due_;
    }

private:
    [[nodiscard]] Clock::time_point moment() const {
        const std::chrono::duration<double> after(static_cast<double>(next_) / settings_.rate);
        return start_ + std::chrono::duration_cast<Clock::duration>(after);
    }

    /// Sleeps end up to a millisecond late, which would count as the server's: the last one is
    /// spent looking at the clock, in turns with everybody else.
    static void wait_until(Clock::time_point when) {
        coloop::co_sleep_until(when - std::chrono::milliseconds(2));
        while (Clock::now() < when) {
            coloop::co_sleep_ns(0);
        }
    }

    const Settings& settings_;
    Tally& tally_;
    Clock::time_point start_;
    std::uint64_t next_;  // of all requests, which the connections take in turn
    std::vector<Clock::time_point> due_;
};

}  // namespace loadgen

// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <coloop/coloop.hpp>

#include "message.hpp"

/// The servers that are asked for what we do not know.
class Upstreams {
public:
    struct Options {
        std::vector<coloop::Address> servers;
        std::chrono::milliseconds timeout{800};  ///< for each attempt
        std::size_t rounds = 3;                  ///< how often each is tried
    };

    explicit Upstreams(const Options& options) : options_(options) {}

    /// Asks one after the other, beginning with the one that answered last; null if none answers.
    AnswerPtr ask(const Query& query);

    [[nodiscard]] bool empty() const { return options_.servers.empty(); }

    struct Stats {
        std::uint64_t sent = 0, timeouts = 0, wrong = 0, over_tcp = 0;
    };

    [[nodiscard]] const Stats& stats() const { return stats_; }

private:
    AnswerPtr ask_one(const coloop::Address& server, const Query& query);
    AnswerPtr ask_by_tcp(const coloop::Address& server, const Query& query);

    const Options& options_;
    std::size_t best_ = 0;
    std::random_device random_;  // which nobody can guess
    Stats stats_;
};

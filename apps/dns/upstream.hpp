// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <coloop/coloop.hpp>

#include "message.hpp"

/// The servers that are asked for what we do not know.
class Upstreams {
public:
    struct Options {
        std::vector<coloop::Address> servers;
        std::chrono::milliseconds timeout = std::chrono::milliseconds(800);  ///< for each attempt
        int rounds = 3;  ///< how often each is tried
    };

    struct Stats {
        std::uint64_t sent = 0, timeouts = 0, wrong = 0, over_tcp = 0;
    };

    explicit Upstreams(const Options& options) : options_(options) {}

    /// Asks one after the other, beginning with the one that answered last; null if none answers.
    AnswerPtr ask(const Query& query);

    [[nodiscard]] bool empty() const { return options_.servers.empty(); }

    [[nodiscard]] const Stats& stats() const { return stats_; }

private:
    AnswerPtr ask_one(const coloop::Address& server, const Query& query);
    AnswerPtr ask_by_tcp(const coloop::Address& server, const Query& query);
    std::uint16_t draw_id();

    const Options& options_;
    std::size_t best_ = 0;
    Stats stats_;
    std::array<std::byte, 1024> random_;
    std::size_t random_used_ = 1024;
};

// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <coloop/coloop.hpp>

#include "dialogue.hpp"
#include "settings.hpp"
#include "tally.hpp"

namespace loadgen {

/// Connects; throws coloop::Error. Also tells whether there is a server at all.
coloop::TcpStream connect(const Settings& settings);

/// One connection to the server; a new one takes its place when it fails.
class Connection {
public:
    Connection(const Settings& settings, Tally& tally, std::size_t number)
        : settings_(settings), tally_(tally), number_(number) {}

    /// Connects, and makes the opening. What goes wrong is counted, and tried again by run().
    void open();

    /// Sends requests and checks answers, to the end of its schedule.
    void run(Clock::time_point start);

private:
    struct Link {
        Link(coloop::TcpStream connected, const Settings& settings, std::size_t number)
            : stream(std::move(connected)), dialogue(settings, number) {}

        coloop::TcpStream stream;
        Dialogue dialogue;
        coloop::BufReader reader{stream};
        std::uint64_t asked = 0;
        std::uint64_t answered = 0;
    };

    template <typename Function>
    bool attempt(Function&& function, const std::size_t& unanswered);
    void connect_and_open();
    void exchange(const std::vector<Clock::time_point>& due, std::size_t& unanswered);
    void expect(std::string_view answer);

    const Settings& settings_;
    Tally& tally_;
    std::size_t number_;
    std::optional<Link> link_;
    std::string requests_;
};

}  // namespace loadgen

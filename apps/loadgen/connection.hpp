// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <coloop/coloop.hpp>

#include "dialogue.hpp"
#include "schedule.hpp"
#include "settings.hpp"
#include "tally.hpp"

namespace loadgen {

/// Connects; throws coloop::Error. Also tells whether there is a server at all.
inline coloop::TcpStream connect(const Settings& settings) {
    return coloop::with_timeout(settings.timeout, [&] {
        coloop::TcpStream stream = coloop::TcpStream::connect(settings.host, settings.port);
        stream.set_no_delay(true);
        return stream;
    });
}

/// One connection to the server; a new one takes its place when it fails.
class Connection {
public:
    Connection(const Settings& settings, Tally& tally, std::size_t number)
        : settings_(settings), tally_(tally), number_(number) {}

    /// Connects, and makes the opening. What goes wrong is counted, and tried again by run().
    void open() {
        attempt([this] { connect_and_open(); }, 0);
    }

    /// Sends requests and checks answers, to the end of its schedule.
    void run(Clock::time_point start) {
        Schedule schedule(settings_, tally_, number_, start);
        while (true) {
            const std::vector<Clock::time_point>& due = schedule.wait();
            if (due.empty()) {
                return;
            }
            std::size_t unanswered = due.size();
            const auto connected_exchange = [&] {
                if (!link_) {
                    connect_and_open();
                }
                coloop::with_timeout(settings_.timeout, [&] { exchange(due, unanswered); });
            };
            if (!attempt(connected_exchange, unanswered)) {
                // a server that is gone is not to be stormed
                coloop::co_sleep(std::chrono::milliseconds(100));
            }
        }
    }

private:
    /// Less than this always fits into the system's buffers on the way there and back.
    static constexpr std::size_t fits_surely = std::size_t{32} << 10;

    struct WrongAnswer : std::runtime_error {
        using std::runtime_error::runtime_error;
    };

    struct Link {
        Link(coloop::TcpStream connected, const Settings& settings, std::size_t number)
            : stream(std::move(connected)), dialogue(settings, number) {}

        coloop::TcpStream stream;
        Dialogue dialogue;
        coloop::BufReader reader{stream};
        std::uint64_t asked = 0;
        std::uint64_t answered = 0;
    };

    /// Calls `function()`. If it fails the connection is given up and the failure counted, with so
    /// many requests that it has cost.
    template <typename Function>
    bool attempt(Function function, const std::size_t& unanswered) {
        try {
            function();
            return true;
        } catch (const coloop::Error& error) {
            tally_.fail(error.code().message(), error.what(), unanswered);
        } catch (const WrongAnswer& error) {
            tally_.fail("wrong answer", error.what(), unanswered);
        }
        link_.reset();
        return false;
    }

    void connect_and_open() {
        link_.emplace(connect(settings_), settings_, number_);
        if (const std::string& opening = link_->dialogue.opening(); !opening.empty()) {
            coloop::with_timeout(settings_.timeout, [&] {
                link_->stream.write(opening);
                expect("+OK\r\n");
            });
        }
    }

    void exchange(const std::vector<Clock::time_point>& due, std::size_t& unanswered) {
        requests_.clear();
        for (std::size_t i = 0; i < due.size(); ++i) {
            requests_ += link_->dialogue.request(++link_->asked);
        }
        coloop::TaskGroup writing;
        if (requests_.size() <= fits_surely) {
            link_->stream.write(requests_);
        } else {  // who writes all at first, while the server does the same, may wait forever
            writing.spawn([&] { link_->stream.write(requests_); });
        }
        for (const Clock::time_point moment : due) {
            expect(link_->dialogue.answer(++link_->answered));
            tally_.latencies_this_second.record(Clock::now() - moment);
            --unanswered;
        }
        writing.wait();
    }

    /// Compares what comes, as it comes: a wrong answer may be shorter than the right one.
    void expect(std::string_view answer) {
        while (!answer.empty()) {
            const std::span<const std::byte> bytes = link_->reader.peek();
            if (bytes.empty()) {
                throw coloop::EndOfStream(coloop::Errc::end_of_stream, "wait for an answer");
            }
            const std::string_view came(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            const std::size_t length = std::min(came.size(), answer.size());
            if (came.substr(0, length) != answer.substr(0, length)) {
                throw WrongAnswer(
                    fmt::format("'{}' instead of '{}'", excerpt(came), excerpt(answer)));
            }
            link_->reader.consume(length);
            answer.remove_prefix(length);
        }
    }

    /// The beginning of what came, fit for any report.
    static std::string excerpt(std::string_view text) {
        std::string out(text.substr(0, 60));
        std::replace_if(
            out.begin(), out.end(),
            [](unsigned char c) { return std::isprint(c) == 0 || c == '"' || c == '\\'; }, '?');
        return out;
    }

    const Settings& settings_;
    Tally& tally_;
    std::size_t number_;
    std::optional<Link> link_;
    std::string requests_;
};

}  // namespace loadgen

// SPDX-License-Identifier: MIT
#include "connection.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "schedule.hpp"

namespace loadgen {

namespace {

using namespace std::chrono_literals;

/// Less than this always fits into the system's buffers on the way there and back.
constexpr std::size_t fits_surely = std::size_t{32} << 10;

struct WrongAnswer : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The beginning of what came, fit for any report.
std::string excerpt(std::string_view text) {
    std::string out(text.substr(0, 60));
    std::replace_if(
        out.begin(), out.end(),
        [](unsigned char c) { return std::isprint(c) == 0 || c == '"' || c == '\\'; }, '?');
    return out;
}

}  // namespace

coloop::TcpStream connect(const Settings& settings) {
    return coloop::with_timeout(settings.timeout, [&] {
        coloop::TcpStream stream = coloop::TcpStream::connect(settings.host, settings.port);
        stream.set_no_delay(true);
        return stream;
    });
}

/// Calls `function()`. If it fails the connection is given up and the failure counted, with so many
/// requests that it has cost.
template <typename Function>
bool Connection::attempt(Function&& function, const std::size_t& unanswered) {
    try {
        std::forward<Function>(function)();
        return true;
    } catch (const coloop::Error& error) {
        tally_.fail(error.code().message(), error.what(), unanswered);
    } catch (const WrongAnswer& error) {
        tally_.fail("wrong answer", error.what(), unanswered);
    }
    link_.reset();
    return false;
}

void Connection::open() {
    attempt([&] { connect_and_open(); }, 0);
}

void Connection::connect_and_open() {
    link_.emplace(connect(settings_), settings_, number_);
    if (const std::string& opening = link_->dialogue.opening(); !opening.empty()) {
        coloop::with_timeout(settings_.timeout, [&] {
            link_->stream.write(opening);
            expect("+OK\r\n");
        });
    }
}

void Connection::run(Clock::time_point start) {
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
            coloop::co_sleep(100ms);  // a server that is gone is not to be stormed
        }
    }
}

void Connection::exchange(const std::vector<Clock::time_point>& due, std::size_t& unanswered) {
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
void Connection::expect(std::string_view answer) {
    while (!answer.empty()) {
        const std::span<const std::byte> bytes = link_->reader.peek();
        if (bytes.empty()) {
            throw coloop::EndOfStream(coloop::Errc::end_of_stream, "wait for an answer");
        }
        const std::string_view came(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        const std::size_t length = std::min(came.size(), answer.size());
        if (came.substr(0, length) != answer.substr(0, length)) {
            throw WrongAnswer(fmt::format("'{}' instead of '{}'", excerpt(came), excerpt(answer)));
        }
        link_->reader.consume(length);
        answer.remove_prefix(length);
    }
}

}  // namespace loadgen

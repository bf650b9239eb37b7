// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <exception>
#include <random>
#include <string_view>
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

    struct Stats {
        std::size_t sent = 0, failed = 0, wrong = 0, over_tcp = 0;
    };

    explicit Upstreams(const Options& options) : options_(options) {}

    [[nodiscard]] bool empty() const { return options_.servers.empty(); }

    [[nodiscard]] const Stats& stats() const { return stats_; }

    /// Asks one after the other, beginning with the one that answered last; null if none answers.
    AnswerPtr ask(std::string_view key) {
        const std::size_t count = options_.servers.size();
        const std::size_t first = best_;
        for (std::size_t attempt = 0; attempt < count * options_.rounds; ++attempt) {
            const std::size_t which = (first + attempt) % count;
            try {
                const AnswerPtr answer = coloop::with_timeout(
                    options_.timeout, [&] { return ask_one(options_.servers[which], key); });
                if (answer->code == Rcode::no_error || answer->code == Rcode::no_such_name) {
                    best_ = which;
                    return answer;
                }                              // else others know more
            } catch (const std::exception&) {  // it took too long, or the system says why
                ++stats_.failed;
            }
        }
        return nullptr;
    }

private:
    /// A socket for each question has a port that nobody can guess, and hears its peer only.
    AnswerPtr ask_one(const coloop::Address& server, std::string_view key) {
        coloop::UdpSocket socket = coloop::UdpSocket::connect(server);
        const auto query = make_query(static_cast<std::uint16_t>(random_()), key);
        ++stats_.sent;
        socket.send(query);
        std::array<std::byte, 4096> buffer;
        while (true) {  // until the time is up: a wrong answer may be followed by the right one
            const Message message = std::span(buffer).first(socket.receive(buffer));
            if (is_answer_to(query, message) && is_truncated(message)) {
                return ask_by_tcp(server, key);
            }
            if (AnswerPtr answer = is_answer_to(query, message) ? parse_answer(message) : nullptr) {
                return answer;
            }
            ++stats_.wrong;
        }
    }

    AnswerPtr ask_by_tcp(const coloop::Address& server, std::string_view key) {
        ++stats_.over_tcp;
        coloop::TcpStream stream = coloop::TcpStream::connect(server);
        const auto query = make_query(static_cast<std::uint16_t>(random_()), key);
        const auto size = coloop::store_be<std::uint16_t>(static_cast<std::uint16_t>(query.size()));
        const std::array<std::span<const std::byte>, 2> pieces{size, query};
        stream.write(pieces);
        std::vector<std::byte> message(coloop::read_be<std::uint16_t>(stream));
        stream.read_exactly(message);
        AnswerPtr answer = is_answer_to(query, message) ? parse_answer(message) : nullptr;
        if (!answer) {
            ++stats_.wrong;
            throw std::runtime_error("not an answer");
        }
        return answer;
    }

    const Options& options_;
    std::size_t best_ = 0;
    std::random_device random_;  // which nobody can guess
    Stats stats_;
};

// SPDX-License-Identifier: MIT
#include "upstream.hpp"

#include <array>

#include "../common/log.hpp"

AnswerPtr Upstreams::ask(const Query& query) {
    const std::size_t count = options_.servers.size();
    const std::size_t first = best_;
    for (std::size_t attempt = 0; attempt < count * options_.rounds; ++attempt) {
        const std::size_t which = (first + attempt) % count;
        const coloop::Address& server = options_.servers[which];
        try {
            const AnswerPtr answer =
                coloop::with_timeout(options_.timeout, [&] { return ask_one(server, query); });
            const Rcode code = code_of(answer->wire);
            if (code == Rcode::no_error || code == Rcode::no_such_name) {  // else others know more
                best_ = which;
                return answer;
            }
        } catch (const coloop::TimedOut&) {
            ++stats_.timeouts;
        } catch (const coloop::Error& error) {
            common::log("upstream_error",
                        {{"server", server.to_string()}, {"reason", error.what()}});
        }
    }
    return nullptr;
}

/// A socket for each question has a port that nobody can guess, and hears its peer only.
AnswerPtr Upstreams::ask_one(const coloop::Address& server, const Query& query) {
    coloop::UdpSocket socket = coloop::UdpSocket::connect(server);
    const auto id = static_cast<std::uint16_t>(random_());
    ++stats_.sent;
    socket.send(make_query(id, query));
    std::array<std::byte, 4096> buffer;
    while (true) {  // until the time is up: a wrong answer may be followed by the right one
        const Message message = std::span(buffer).first(socket.receive(buffer));
        if (is_answer_to(query.question, id, message)) {
            if (is_truncated(message)) {
                return ask_by_tcp(server, query);
            }
            if (AnswerPtr answer = parse_answer(message)) {
                return answer;
            }
        }
        ++stats_.wrong;
    }
}

AnswerPtr Upstreams::ask_by_tcp(const coloop::Address& server, const Query& query) {
    ++stats_.over_tcp;
    coloop::TcpStream stream = coloop::TcpStream::connect(server);
    const auto id = static_cast<std::uint16_t>(random_());
    const std::vector<std::byte> message = make_query(id, query);
    const auto size = coloop::store_be<std::uint16_t>(static_cast<std::uint16_t>(message.size()));
    const std::array<std::span<const std::byte>, 2> pieces{size, message};
    stream.write(pieces);
    std::vector<std::byte> reply(coloop::read_be<std::uint16_t>(stream));
    stream.read_exactly(reply);
    AnswerPtr answer = is_answer_to(query.question, id, reply) ? parse_answer(reply) : nullptr;
    if (!answer) {
        ++stats_.wrong;
        throw coloop::Error(std::make_error_code(std::errc::bad_message), "ask",
                            server.to_string());
    }
    return answer;
}

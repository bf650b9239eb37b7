// SPDX-License-Identifier: MIT
#include "upstream.hpp"

#include "../log.hpp"
#include "bytes.hpp"

namespace {

/// True if another server may know better.
bool is_failure(const Answer& answer) {
    const auto code = static_cast<Rcode>(get16(answer.wire, 2) & 15);
    return code != Rcode::no_error && code != Rcode::no_such_name;
}

}  // namespace

AnswerPtr Upstreams::ask(const Query& query) {
    const std::size_t count = options_.servers.size();
    const std::size_t first = best_;
    for (std::size_t attempt = 0; attempt < count * static_cast<std::size_t>(options_.rounds);
         ++attempt) {
        const std::size_t which = (first + attempt) % count;
        const coloop::Address& server = options_.servers[which];
        try {
            const AnswerPtr answer =
                coloop::with_timeout(options_.timeout, [&] { return ask_one(server, query); });
            if (!is_failure(*answer)) {
                best_ = which;
                return answer;
            }
        } catch (const coloop::TimedOut&) {
            ++stats_.timeouts;
        } catch (const coloop::Error& error) {
            log("event=upstream_error server={} text=\"{}\"", server.to_string(), error.what());
        }
    }
    return nullptr;
}

/// A socket for each question has a port that nobody can guess, and hears its peer only.
AnswerPtr Upstreams::ask_one(const coloop::Address& server, const Query& query) {
    coloop::UdpSocket socket = coloop::UdpSocket::connect(server);
    const std::uint16_t id = draw_id();
    ++stats_.sent;
    socket.send(make_query(id, query));
    std::array<std::byte, 4096> buffer;
    while (true) {  // until the time is up: a wrong answer may be followed by the right one
        const Message message = std::span(buffer).first(socket.receive(buffer));
        const bool is_ours =
            message.size() >= header_size + query.question.size() && get16(message, 0) == id &&
            same_question(message.subspan(header_size, query.question.size()), query.question);
        if (is_ours && is_truncated(message)) {
            return ask_by_tcp(server, query);
        }
        if (AnswerPtr answer = parse_answer(message, id, query.question)) {
            return answer;
        }
        ++stats_.wrong;
    }
}

AnswerPtr Upstreams::ask_by_tcp(const coloop::Address& server, const Query& query) {
    ++stats_.over_tcp;
    coloop::TcpStream stream = coloop::TcpStream::connect(server);
    const std::uint16_t id = draw_id();
    const std::vector<std::byte> message = make_query(id, query);
    const auto size = coloop::store_be<std::uint16_t>(static_cast<std::uint16_t>(message.size()));
    const std::array<std::span<const std::byte>, 2> pieces{size, message};
    stream.write(pieces);
    std::vector<std::byte> reply(coloop::read_be<std::uint16_t>(stream));
    stream.read_exactly(reply);
    AnswerPtr answer =
        reply.size() >= header_size ? parse_answer(reply, id, query.question) : nullptr;
    if (!answer) {
        ++stats_.wrong;
        throw coloop::Error(std::make_error_code(std::errc::bad_message), "ask",
                            server.to_string());
    }
    return answer;
}

std::uint16_t Upstreams::draw_id() {
    if (random_used_ == random_.size()) {
        std::array<std::byte, 1024> fresh;
        coloop::fill_random(fresh);  // others may come here meanwhile, and fill it, too
        random_ = fresh;
        random_used_ = 0;
    }
    random_used_ += 2;
    return get16(random_, random_used_ - 2);
}

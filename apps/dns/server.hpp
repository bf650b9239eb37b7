// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <vector>

#include <coloop/coloop.hpp>

#include "service.hpp"

constexpr std::size_t longest_query = 4096;

/// A query that waits for upstreams, and who has sent it.
struct LateQuery {
    std::vector<std::byte> message;
    coloop::Address sender;
};

/// To serve() a listener like any other. What can be said at once it says itself, in one go to all
/// who have asked together; it accepts the queries that must wait.
class UdpServer {
public:
    UdpServer(coloop::UdpSocket socket, Service& service)
        : socket_(std::move(socket)), service_(service) {
        for (std::size_t i = 0; i < batch; ++i) {
            places_[i].buffer = incoming_[i];
        }
    }

    LateQuery accept() { return accept(std::nothrow).value(); }

    coloop::Result<LateQuery> accept(std::nothrow_t tag) {
        while (true) {
            while (next_ < count_) {
                const coloop::IncomingDatagram& datagram = places_[next_++];
                if (!reply_now(datagram)) {
                    return LateQuery{{datagram.data().begin(), datagram.data().end()},
                                     datagram.sender};
                }
            }
            send_replies();
            const coloop::Result<std::size_t> count = socket_.receive_many(places_, tag);
            if (!count) {
                coloop::co_sleep(std::chrono::milliseconds(10));  // it may be so for a while
                return count.error();
            }
            count_ = *count;
            next_ = 0;
        }
    }

    /// The socket is still wanted by those who wait.
    void close() {}

    void reply_later(const LateQuery& late) {
        const Query query = *parse_query(late.message);
        Buffer out;
        const Message text = write(query, service_.reply_later(query), out);
        socket_.send_to(text, late.sender);
    }

private:
    static constexpr std::size_t batch = 64;  // datagrams taken and sent at once
    using Buffer = std::array<std::byte, payload_size>;

    /// False if that has to wait.
    bool reply_now(const coloop::IncomingDatagram& datagram) {
        const std::optional<Query> query = parse_query(datagram.data());
        if (!query) {
            return true;
        }
        const std::optional<Reply> reply = service_.reply_now(*query);
        if (reply) {
            sending_[replies_] = {write(*query, *reply, outgoing_[replies_]), datagram.sender};
            ++replies_;
        }
        return reply.has_value();
    }

    Message write(const Query& query, const Reply& reply, Buffer& out) const {
        return service_.write(query, reply,
                              std::span(out).first(std::min(query.payload, payload_size)));
    }

    void send_replies() {
        std::span<const coloop::OutgoingDatagram> left = std::span(sending_).first(replies_);
        replies_ = 0;
        while (!left.empty()) {
            const coloop::Result<std::size_t> sent = socket_.send_many(left, std::nothrow);
            left = left.subspan(sent ? *sent : 1);  // who can't be reached is passed over
        }
    }

    coloop::UdpSocket socket_;
    Service& service_;
    std::array<std::array<std::byte, longest_query>, batch> incoming_;
    std::array<coloop::IncomingDatagram, batch> places_;
    std::array<Buffer, batch> outgoing_;
    std::array<coloop::OutgoingDatagram, batch> sending_;
    std::size_t count_ = 0, next_ = 0, replies_ = 0;
};

/// Answers the queries of one connection, each as soon as its answer is there, until the client
/// ends or says nothing for as long as `idle`.
inline void serve_tcp(coloop::TcpStream client, Service& service, std::chrono::milliseconds idle) {
    constexpr std::size_t most_at_once = 64;  // queries that wait for upstreams
    client.set_no_delay(true);
    const auto send = [&](const Query& query, const Reply& reply) {
        const std::size_t size = reply_size(query, *reply.answer);
        std::vector<std::byte> out(2 + size);
        put16(out, 0, size);
        service.write(query, reply, std::span(out).subspan(2));
        coloop::with_timeout(idle, [&] { client.write(out); });
    };
    coloop::BufReader input(client, longest_query);
    // Nothing at the end, if nothing comes for too long, and if too much is to come.
    const auto read_message = [&] {
        std::optional<Message> message;
        coloop::move_on_after(idle, [&] {
            if (input.peek(2).size() >= 2) {
                const std::size_t size = get16(input.read_exactly(2), 0);
                if (size <= longest_query) {
                    message = input.read_exactly(size);
                }
            }
        });
        return message;
    };
    coloop::TaskGroup waiting({.limit = most_at_once});
    while (const std::optional<Message> message = read_message()) {
        const std::optional<Query> query = parse_query(*message);
        if (!query) {
            return;
        }
        if (const std::optional<Reply> reply = service.reply_now(*query)) {
            send(*query, *reply);
            continue;
        }
        waiting.spawn(
            [&, copy = std::vector(message->begin(), message->end())] {
                const Query late = *parse_query(copy);
                send(late, service.reply_later(late));
            },
            {.name = "query"});
    }
    waiting.wait();
}

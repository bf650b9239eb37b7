// SPDX-License-Identifier: MIT
#include "server.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "../common/log.hpp"

namespace {

constexpr std::size_t longest_query = 4096;
constexpr std::size_t batch = 64;               // datagrams taken and sent at once
constexpr std::size_t most_on_connection = 64;  // queries that wait for an upstream

std::vector<std::byte> copy_of(Message message) { return {message.begin(), message.end()}; }

class UdpServer {
public:
    UdpServer(coloop::UdpSocket& socket, Service& service) : socket_(socket), service_(service) {
        for (std::size_t i = 0; i < batch; ++i) {
            places_[i].buffer = incoming_[i];
        }
    }

    void serve_batch() {
        const coloop::Result<std::size_t> count = socket_.receive_many(places_, std::nothrow);
        if (!count) {
            coloop::check_cancelled();
            common::log("error", {{"reason", count.error().what()}});
            coloop::co_sleep(std::chrono::milliseconds(10));
            return;
        }
        replies_ = 0;
        for (const coloop::IncomingDatagram& datagram : std::span(places_).first(*count)) {
            take(datagram);
        }
        std::span<const coloop::OutgoingDatagram> left = std::span(sending_).first(replies_);
        while (!left.empty()) {
            const coloop::Result<std::size_t> sent = socket_.send_many(left, std::nothrow);
            coloop::check_cancelled();
            left = left.subspan(sent ? *sent : 1);  // who can't be reached is passed over
        }
    }

    void drain(std::chrono::milliseconds grace) {
        coloop::move_on_after(grace, [&] { waiting_.wait(); });
    }

private:
    using Buffer = std::array<std::byte, payload_size>;

    void take(const coloop::IncomingDatagram& datagram) {
        const std::optional<Query> query = parse_query(datagram.data());
        if (!query) {
            return;
        }
        if (const std::optional<Reply> reply = service_.reply_now(*query)) {
            sending_[replies_] = {write(*query, *reply, outgoing_[replies_]), datagram.sender};
            ++replies_;
        } else if (waiting_.size() < Service::most_pending) {  // else it may ask again
            waiting_.spawn(
                [this, message = copy_of(datagram.data()), sender = datagram.sender] {
                    const Query late = *parse_query(message);
                    Buffer out;
                    const Message text = write(late, service_.reply_later(late), out);
                    static_cast<void>(socket_.send_to(text, sender, std::nothrow));
                },
                {.name = "datagram"});
        }
    }

    Message write(const Query& query, const Reply& reply, Buffer& out) const {
        const std::size_t limit = std::min(query.payload, payload_size);
        return std::span(out).first(write_reply(query, reply, service_.asks_others(), limit, out));
    }

    coloop::UdpSocket& socket_;
    Service& service_;
    std::array<std::array<std::byte, longest_query>, batch> incoming_;
    std::array<coloop::IncomingDatagram, batch> places_;
    std::array<Buffer, batch> outgoing_;
    std::array<coloop::OutgoingDatagram, batch> sending_;
    std::size_t replies_ = 0;
    coloop::TaskGroup waiting_{{.shielded = true}};
};

}  // namespace

void serve_udp(coloop::UdpSocket& socket, Service& service, std::chrono::milliseconds grace) {
    const auto server = std::make_unique<UdpServer>(socket, service);
    try {
        while (true) {
            server->serve_batch();
        }
    } catch (const coloop::Cancelled&) {
        coloop::uncancellable([&] { server->drain(grace); });
        throw;
    }
}

void serve_tcp(coloop::TcpStream client, Service& service, std::chrono::milliseconds idle) {
    client.set_no_delay(true);
    const auto send = [&](const Query& query, const Reply& reply) {
        std::vector<std::byte> out(2 + reply.size());
        const std::size_t size =
            write_reply(query, reply, service.asks_others(), 65535, std::span(out).subspan(2));
        put16(out, 0, size);
        coloop::with_timeout(idle, [&] { client.write(std::span(out).first(2 + size)); });
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
    coloop::TaskGroup waiting({.limit = most_on_connection});
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
            [&, copy = copy_of(*message)] {
                const Query late = *parse_query(copy);
                send(late, service.reply_later(late));
            },
            {.name = "query"});
    }
    waiting.wait();
}

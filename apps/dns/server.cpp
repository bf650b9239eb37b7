// SPDX-License-Identifier: MIT
#include "server.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "../log.hpp"
#include "bytes.hpp"

namespace {

constexpr std::size_t longest_query = 4096;
constexpr std::size_t batch = 64;               // datagrams taken and sent at once
constexpr std::size_t most_on_connection = 64;  // queries that wait for an upstream

std::size_t limit_of(const Query& query) { return std::min(query.payload, payload_size); }

class UdpServer {
public:
    UdpServer(coloop::UdpSocket& socket, Service& service, std::size_t most_waiting)
        : socket_(socket), service_(service), most_waiting_(most_waiting) {
        for (std::size_t i = 0; i < batch; ++i) {
            places_[i].buffer = incoming_[i];
        }
    }

    void serve_batch() {
        const coloop::Result<std::size_t> count = socket_.receive_many(places_, std::nothrow);
        if (!count) {
            if (count.error().code() == coloop::Errc::cancelled) {
                throw coloop::Cancelled();
            }
            log("event=error text=\"{}\"", count.error().what());
            coloop::co_sleep(std::chrono::milliseconds(10));
            return;
        }
        replies_ = 0;
        for (const coloop::IncomingDatagram& datagram : std::span(places_).first(*count)) {
            take(datagram);
        }
        send_replies();
    }

    void drain(std::chrono::milliseconds grace) {
        coloop::move_on_after(grace, [&] { waiting_.wait(); });
    }

private:
    void take(const coloop::IncomingDatagram& datagram) {
        const std::optional<Query> query = parse_query(datagram.data());
        if (!query) {
            return;
        }
        if (const std::optional<Reply> reply = service_.reply_now(*query)) {
            std::array<std::byte, payload_size>& out = outgoing_[replies_];
            const std::size_t size = service_.write(*query, *reply, limit_of(*query), out);
            sending_[replies_++] = {std::span(out).first(size), datagram.sender};
        } else if (waiting_.size() <
                   most_waiting_) {  // else it asks again, if it still wants to know
            waiting_.spawn(
                [this, message = std::vector(datagram.data().begin(), datagram.data().end()),
                 sender = datagram.sender] { reply_later(message, sender); },
                {.name = "datagram"});
        }
    }

    void reply_later(const std::vector<std::byte>& message, const coloop::Address& sender) {
        const Query query = *parse_query(message);
        const Reply reply = service_.reply_later(query);
        std::array<std::byte, payload_size> out;
        const std::size_t size = service_.write(query, reply, limit_of(query), out);
        static_cast<void>(socket_.send_to(std::span(out).first(size), sender, std::nothrow));
    }

    /// Who can't be reached is passed over.
    void send_replies() {
        std::span<const coloop::OutgoingDatagram> left = std::span(sending_).first(replies_);
        while (!left.empty()) {
            const coloop::Result<std::size_t> sent = socket_.send_many(left, std::nothrow);
            coloop::check_cancelled();
            left = left.subspan(sent ? *sent : 1);
        }
    }

    coloop::UdpSocket& socket_;
    Service& service_;
    std::size_t most_waiting_;
    std::array<std::array<std::byte, longest_query>, batch> incoming_;
    std::array<coloop::IncomingDatagram, batch> places_;
    std::array<std::array<std::byte, payload_size>, batch> outgoing_;
    std::array<coloop::OutgoingDatagram, batch> sending_;
    std::size_t replies_ = 0;
    coloop::TaskGroup waiting_{{.shielded = true}};
};

class Connection {
public:
    Connection(coloop::TcpStream stream, Service& service, std::chrono::milliseconds idle)
        : stream_(std::move(stream)), service_(service), idle_(idle) {}

    void serve() {
        stream_.set_no_delay(true);
        while (const std::optional<Message> message = next()) {
            const std::optional<Query> query = parse_query(*message);
            if (!query) {
                return;
            }
            if (const std::optional<Reply> reply = service_.reply_now(*query)) {
                send(*query, *reply);
                continue;
            }
            waiting_.spawn(
                [this, copy = std::vector(message->begin(), message->end())] {
                    const Query late = *parse_query(copy);
                    send(late, service_.reply_later(late));
                },
                {.name = "query"});
        }
        waiting_.wait();
    }

private:
    /// No value at the end, if nothing comes for too long, and if too much is to come.
    std::optional<Message> next() {
        std::optional<Message> message;
        coloop::move_on_after(idle_, [&] {
            if (input_.peek(2).size() >= 2) {
                const std::size_t size = get16(input_.read_exactly(2), 0);
                if (size <= longest_query) {
                    message = input_.read_exactly(size);
                }
            }
        });
        return message;
    }

    void send(const Query& query, const Reply& reply) {
        std::vector<std::byte> out(2 + Service::size_of(reply));
        const std::size_t size = service_.write(query, reply, 65535, std::span(out).subspan(2));
        put16(out, 0, size);
        coloop::with_timeout(idle_, [&] { stream_.write(std::span(out).first(2 + size)); });
    }

    coloop::TcpStream stream_;
    coloop::BufReader input_{stream_, 4096};
    Service& service_;
    std::chrono::milliseconds idle_;
    coloop::TaskGroup waiting_{{.limit = most_on_connection}};
};

}  // namespace

void serve_udp(coloop::UdpSocket& socket, Service& service, std::size_t most_waiting,
               std::chrono::milliseconds grace) {
    const auto server = std::make_unique<UdpServer>(socket, service, most_waiting);
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
    Connection(std::move(client), service, idle).serve();
}

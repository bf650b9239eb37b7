// SPDX-License-Identifier: MIT
//
// The client of the echo servers: keeps every connection busy with one message at a time and checks
// each answer. Usage: load PORT CONNECTIONS BYTES REQUESTS [short]; `short` opens a new connection
// for each request.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
    sockaddr_in server{};
    int connections;
    std::size_t bytes;
    long requests;
    bool short_lived;
};

class Client {
public:
    explicit Client(const Settings& settings)
        : settings_(settings), message_(settings.bytes), answer_(settings.bytes) {}

    void connect() {
        socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const auto* address = reinterpret_cast<const sockaddr*>(&settings_.server);
        bench::check(::connect(socket_, address, sizeof settings_.server) == 0, "connected");
    }

    void send() {
        const auto stamp = static_cast<std::uint8_t>(++sent_);
        std::fill(message_.begin(), message_.end(), stamp);
        received_ = 0;
        begin_ = Clock::now();
        bench::check(write(socket_, message_.data(), message_.size()) ==
                         static_cast<ssize_t>(message_.size()),
                     "the message was taken whole");
    }

    enum class Event { part, answer, end };

    /// What came: a part of the answer, all of it, or the end that was asked for.
    Event receive() {
        const ssize_t count = read(socket_, answer_.data() + received_, answer_.size() - received_);
        if (ending_) {
            bench::check(count == 0, "the server closes, too");
            return Event::end;
        }
        bench::check(count > 0, "the server answers");
        received_ += static_cast<std::size_t>(count);
        if (received_ < answer_.size()) {
            return Event::part;
        }
        bench::check(answer_ == message_, "the answer is the message");
        return Event::answer;
    }

    /// Asks the server to close; it answers with the end.
    void end() {
        ending_ = true;
        received_ = 0;
        shutdown(socket_, SHUT_WR);
    }

    void close() {
        ::close(socket_);
        ending_ = false;
    }

    [[nodiscard]] std::int64_t latency() const { return (Clock::now() - begin_).count(); }

    [[nodiscard]] int socket_number() const { return socket_; }

private:
    const Settings& settings_;
    std::vector<std::uint8_t> message_;
    std::vector<std::uint8_t> answer_;
    std::size_t received_ = 0;
    unsigned sent_ = 0;
    int socket_ = -1;
    bool ending_ = false;
    Clock::time_point begin_;
};

class Load {
public:
    explicit Load(const Settings& settings) : settings_(settings), epoll_(epoll_create1(0)) {
        clients_.reserve(static_cast<std::size_t>(settings.connections));
        for (int i = 0; i < settings.connections; ++i) {
            open(clients_.emplace_back(settings_));
        }
    }

    /// Sends `count` requests over all connections and waits for the last answer.
    void run(long count) {
        latencies_.clear();
        latencies_.reserve(static_cast<std::size_t>(count));
        to_send_ = count;
        to_finish_ = count;
        for (Client& client : clients_) {
            send_if_left(client);
        }
        std::vector<epoll_event> events(clients_.size());
        while (to_finish_ > 0) {
            const int ready =
                epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < ready; ++i) {
                handle(*static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr));
            }
        }
    }

    double percentile(double share) {
        const auto place = latencies_.begin() + static_cast<std::ptrdiff_t>(
                                                    share * static_cast<double>(latencies_.size()));
        std::nth_element(latencies_.begin(), place, latencies_.end());
        return static_cast<double>(*place);
    }

private:
    void send_if_left(Client& client) {
        if (to_send_ > 0) {
            --to_send_;
            client.send();
        }
    }

    void handle(Client& client) {
        switch (client.receive()) {
            case Client::Event::part:
                return;
            case Client::Event::answer:
                latencies_.push_back(client.latency());
                if (settings_.short_lived) {
                    client.end();
                    return;
                }
                break;
            case Client::Event::end:
                client.close();
                open(client);
                break;
        }
        --to_finish_;
        send_if_left(client);
    }

    void open(Client& client) const {
        client.connect();
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &client;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, client.socket_number(), &event);
    }

    const Settings& settings_;
    int epoll_;
    std::vector<Client> clients_;
    std::vector<std::int64_t> latencies_;
    long to_send_ = 0;
    long to_finish_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: %s PORT CONNECTIONS BYTES REQUESTS [short]\n", argv[0]);
        return 2;
    }
    Settings settings{.connections = std::atoi(argv[2]),
                      .bytes = static_cast<std::size_t>(std::atol(argv[3])),
                      .requests = std::atol(argv[4]),
                      .short_lived = argc > 5};
    settings.server.sin_family = AF_INET;
    settings.server.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
    settings.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    alarm(300);  // for a server that does not answer
    Load load(settings);
    load.run(settings.connections);  // each connection is accepted and known to the server
    std::printf("ready\n");
    std::fflush(stdout);
    std::getchar();  // the driver looks at the server's CPU time before and after
    const auto begin = Clock::now();
    load.run(settings.requests);
    bench::figure("nanoseconds", static_cast<double>((Clock::now() - begin).count()));
    bench::figure("p99", load.percentile(0.99));
    std::fflush(stdout);
    std::getchar();
}

// SPDX-License-Identifier: MIT
//
// Requests to an echo server whose client is neither fast nor slow: both are one thread, and what
// the client does is not counted. So the figures are the same on every machine.
#include <array>
#include <cstddef>
#include <list>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <coloop/loop.hpp>
#include <coloop/serve.hpp>
#include <coloop/tcp.hpp>

#include "bench.hpp"

namespace {

using bench::Run;

void echo(coloop::TcpStream client) {
    std::array<std::byte, 16 * 1024> buffer;
    while (const std::size_t n = client.read(buffer)) {
        client.write(std::span(buffer).first(n));
    }
}

/// Its system calls, send and recv, are others than the server's, so that they can be told apart.
class Client {
public:
    explicit Client(std::uint16_t port) {
        sockaddr_in server{};
        server.sin_family = AF_INET;
        server.sin_port = htons(port);
        server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const auto* address = reinterpret_cast<const sockaddr*>(&server);
        bench::check(connect(socket_, address, sizeof server) == 0, "connected");
    }

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    ~Client() { close(socket_); }

    void ask(long number) {
        message_.fill(static_cast<char>(number));
        bench::check(send(socket_, message_.data(), message_.size(), 0) == size, "taken whole");
    }

    /// Does not wait: the answer must be there.
    void check_answer() const {
        std::array<char, size> answer;
        bench::check(recv(socket_, answer.data(), size, MSG_DONTWAIT) == size, "answered at once");
        bench::check(answer == message_, "the answer is the message");
    }

private:
    static constexpr std::size_t size = 64;

    int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::array<char, size> message_{};
};

/// All clients ask at once; then one turn of the loop has to find that, and to answer. More than 16
/// would be too many: after so many a turn ends if the machine is slow.
template <long connections>
void requests(Run& run) {
    uv_loop_t* uv = uv_default_loop();
    coloop::Loop loop(uv);
    std::uint16_t port = 0;
    loop.spawn([&] {
        coloop::TcpListener listener("127.0.0.1", 0);
        port = listener.local_address().port();
        coloop::serve(std::move(listener), echo);
    });
    uv_run(uv, UV_RUN_NOWAIT);
    std::list<Client> clients;
    for (long i = 0; i < connections; ++i) {
        clients.emplace_back(port);
    }
    const auto ask_all = [&](long number) {
        for (Client& client : clients) {
            client.ask(number);
        }
    };
    const auto check_answers = [&] {
        for (const Client& client : clients) {
            client.check_answer();
        }
    };
    ask_all(0);
    for (int i = 0; i < 1000; ++i) {
        uv_run(uv, UV_RUN_NOWAIT);  // all are accepted and answered once
    }
    check_answers();
    run.measure([&](long count) {
        for (long i = 0; i < count; i += connections) {
            run.aside([&] { ask_all(i); });
            uv_run(uv, UV_RUN_NOWAIT);
            run.aside(check_answers);
        }
    });
    clients.clear();
    loop.cancel();
    uv_run(uv, UV_RUN_DEFAULT);
}

constexpr bench::Test tests[] = {{"one", requests<1>}, {"sixteen", requests<16>}};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }

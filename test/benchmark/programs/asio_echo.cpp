// SPDX-License-Identifier: MIT
//
// An echo server on Boost.Asio, in two styles: `callbacks` and `spawn`, its stackful coroutines.
#include <array>
#include <cstring>
#include <memory>
#include <utility>  // which this version of Boost forgets

#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include "listen.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t buffer_size = 16 * 1024;

class Session : public std::enable_shared_from_this<Session> {
public:
    explicit Session(tcp::socket socket) : socket_(std::move(socket)) {}

    void read() {
        socket_.async_read_some(asio::buffer(buffer_),
                                [self = shared_from_this()](error_code error, std::size_t count) {
                                    if (!error) {
                                        self->write(count);
                                    }
                                });
    }

private:
    void write(std::size_t count) {
        asio::async_write(socket_, asio::buffer(buffer_, count),
                          [self = shared_from_this()](error_code error, std::size_t /*count*/) {
                              if (!error) {
                                  self->read();
                              }
                          });
    }

    tcp::socket socket_;
    std::array<char, buffer_size> buffer_;
};

void accept_with_callbacks(tcp::acceptor& acceptor) {
    acceptor.async_accept([&](error_code error, tcp::socket socket) {
        if (!error) {
            std::make_shared<Session>(std::move(socket))->read();
        }
        accept_with_callbacks(acceptor);
    });
}

void serve(tcp::socket& socket, const asio::yield_context& yield) {
    std::array<char, buffer_size> buffer;
    for (;;) {
        error_code error;
        const std::size_t count = socket.async_read_some(asio::buffer(buffer), yield[error]);
        if (error) {
            return;
        }
        asio::async_write(socket, asio::buffer(buffer, count), yield[error]);
    }
}

void accept_with_spawn(asio::io_context& context, tcp::acceptor& acceptor) {
    asio::spawn(context, [&](const asio::yield_context& yield) {
        for (;;) {
            auto socket = std::make_shared<tcp::socket>(context);
            acceptor.async_accept(*socket, yield);
            asio::spawn(context, [socket](const asio::yield_context& y) { serve(*socket, y); });
        }
    });
}

}  // namespace

int main(int argc, char** argv) {
    asio::io_context context(1);
    tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    std::printf("port %u\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    if (argc > 1 && std::strcmp(argv[1], "spawn") == 0) {
        accept_with_spawn(context, acceptor);
    } else {
        accept_with_callbacks(acceptor);
    }
    context.run();
}

// SPDX-License-Identifier: MIT
#include <cerrno>
#include <memory>
#include <stdexcept>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/death.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

/// A server in a coroutine of its own, and the failures it was told.
class Server {
public:
    explicit Server(std::function<void(TcpStream)> handler, ServeOptions options = {})
        : options_(std::move(options)), handler_(std::move(handler)) {
        options_.on_error = [this](const std::exception_ptr& failure) {
            try {
                std::rethrow_exception(failure);
            } catch (const std::exception& error) {
                errors.emplace_back(error.what());
            } catch (...) {
                errors.emplace_back("something");
            }
        };
        group_.spawn([this] {
            CancelScope scope;
            scope_ = &scope;
            try {
                serve(listener, handler_, options_);
                outcome_ = "returned";
            } catch (const Cancelled&) {
                outcome_ = "cancelled";
            }
            scope_ = nullptr;
        });
        let_others_run();
    }

    [[nodiscard]] PlainSocket connect() const {
        return PlainSocket::connected_to(listener.local_address());
    }

    void cancel() { scope_->cancel(); }

    std::string outcome() {
        group_.wait();
        return outcome_;
    }

    [[nodiscard]] bool ended() const { return !outcome_.empty(); }

    TcpListener listener{own_host(), 0};
    std::vector<std::string> errors;

private:
    ServeOptions options_;
    std::function<void(TcpStream)> handler_;
    CancelScope* scope_ = nullptr;
    std::string outcome_;
    TaskGroup group_;
};

void echo(TcpStream client) {
    std::array<std::byte, 4096> buffer;
    while (const std::size_t count = client.read(buffer)) {
        client.write(std::span(buffer).first(count));
    }
}

/// What comes back from an echo, or nothing at its end; lets the server work meanwhile.
std::string ask(const PlainSocket& peer, std::string_view text) {
    peer.send(text);
    char buffer[64];
    ssize_t count = 0;
    do {
        let_others_run(1);
        count = recv(peer.descriptor(), buffer, sizeof buffer, MSG_DONTWAIT);
    } while (count < 0 && errno == EAGAIN);
    return {buffer, static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

}  // namespace

TEST_CASE("each connection has a handler of its own") {
    run_in_loop([] {
        Server server(echo);
        std::vector<PlainSocket> peers;
        for (int i = 0; i < 100; ++i) {
            peers.push_back(server.connect());
        }
        for (int i = 99; i >= 0; --i) {
            const std::string text = std::to_string(i);
            CHECK(ask(peers[static_cast<std::size_t>(i)], text) == text);
        }
        CHECK(server.errors.empty());
    });
}

TEST_CASE("a handler that fails ends its own connection only") {
    run_in_loop([] {
        Server server([](TcpStream client) {
            std::array<std::byte, 1> buffer;
            while (client.read(buffer) > 0) {
                switch (static_cast<char>(buffer[0])) {
                    case 'r':
                        throw std::runtime_error("bad request");
                    case 'i':
                        throw 42;
                    case 'c':
                        throw Cancelled();  // though nobody has cancelled it
                    default:
                        client.write(buffer);
                }
            }
        });
        const PlainSocket good = server.connect();
        CHECK(ask(good, "x") == "x");
        for (const char* cause : {"r", "i", "c"}) {
            const PlainSocket bad = server.connect();
            CHECK(ask(bad, cause).empty());
            CHECK(ask(good, "y") == "y");
            CHECK(ask(server.connect(), "z") == "z");
        }
        CHECK(server.errors == std::vector<std::string>{"bad request", "something", "something"});
        CHECK_FALSE(server.ended());
    });
}

TEST_CASE("a failure that nobody asked for is one line on standard error") {
    const Death death = die([] {
        print_failure(std::make_exception_ptr(std::runtime_error("bad request")));
        print_failure(std::make_exception_ptr(42));
    });
    CHECK(death.words == "bad request\nfailed with an exception that is not a std::exception\n");
}

TEST_CASE("connections above the limit wait until others end") {
    run_in_loop([] {
        int running = 0;
        int most = 0;
        Server server(
            [&](TcpStream client) {
                most = std::max(most, ++running);
                echo(std::move(client));
                --running;
            },
            {.max_connections = 2});
        std::vector<PlainSocket> peers;
        for (int i = 0; i < 6; ++i) {
            peers.push_back(server.connect());
        }
        CHECK(ask(peers[0], "a") == "a");
        CHECK(ask(peers[1], "b") == "b");
        peers[2].send("c");
        let_others_run(10);
        CHECK(running == 2);
        peers[0].close();
        CHECK(ask(peers[2], "d") == "cd");
        for (std::size_t i = 1; i < 5; ++i) {
            peers[i].close();
        }
        CHECK(ask(peers[5], "e") == "e");
        CHECK(most == 2);
    });
}

TEST_CASE("a server that is called off takes no more and lets its handlers finish") {
    run_in_loop([] {
        Server server(echo);
        PlainSocket peer = server.connect();
        CHECK(ask(peer, "a") == "a");
        const Address address = server.listener.local_address();
        server.cancel();
        let_others_run();
        const auto refused = TcpStream::connect(address, std::nothrow);
        CHECK_FALSE(refused.has_value());
        CHECK(ask(peer, "b") == "b");
        CHECK_FALSE(server.ended());
        peer.close();
        CHECK(server.outcome() == "cancelled");
        CHECK(server.errors.empty());
    });
}

TEST_CASE("handlers that do not finish in time are cancelled") {
    run_in_loop([] {
        int cancelled = 0;
        Server server(
            [&](TcpStream client) {
                try {
                    echo(std::move(client));
                } catch (const Cancelled&) {
                    ++cancelled;
                    throw;
                }
            },
            {.grace = std::chrono::milliseconds(5), .on_stragglers = {}});
        std::vector<PlainSocket> peers;
        for (int i = 0; i < 3; ++i) {
            peers.push_back(server.connect());
            CHECK(ask(peers.back(), "a") == "a");
        }
        peers[0].close();
        server.cancel();
        CHECK(server.outcome() == "cancelled");
        CHECK(cancelled == 2);
        CHECK(server.errors.empty());
        CHECK(peers[1].receive().empty());
    });
}

TEST_CASE("whoever is cancelled at the end of the grace is named, with what it waits for") {
    run_in_loop([] {
        std::vector<std::string> stragglers;
        Server server(echo, {.grace = std::chrono::milliseconds(1),
                             .on_stragglers = [&](const std::vector<std::string>& all) {
                                 stragglers = all;
                             }});
        const PlainSocket first = server.connect();
        PlainSocket second = server.connect();
        CHECK(ask(first, "a") == "a");
        CHECK(ask(second, "b") == "b");
        second.close();
        server.cancel();
        CHECK(server.outcome() == "cancelled");
        REQUIRE(stragglers.size() == 1);
        CHECK(stragglers[0].starts_with("coroutine \"connection\" waits"));
        CHECK(doctest::String(stragglers[0].c_str()) == doctest::Contains(": read 127.0.0.1:"));
    });
    const Death death = die([] {
        print_stragglers({"one", "two"});
        print_stragglers(std::vector<std::string>(1000, "x"));
    });
    const std::string ten = "  x\n  x\n  x\n  x\n  x\n  x\n  x\n  x\n  x\n  x\n";
    CHECK(death.words ==
          "coloop: handlers that did not end in time and are cancelled: 2\n"
          "  one\n  two\n"
          "coloop: handlers that did not end in time and are cancelled: 1000\n" +
              ten + "  and 990 more\n");
}

TEST_CASE("nobody is named if all end in time, or if nobody asks") {
    run_in_loop([] {
        bool told = false;
        Server server(echo,
                      {.on_stragglers = [&](const std::vector<std::string>&) { told = true; }});
        PlainSocket peer = server.connect();
        CHECK(ask(peer, "a") == "a");
        server.cancel();
        peer.close();
        CHECK(server.outcome() == "cancelled");
        CHECK(!told);
    });
}

TEST_CASE("without grace, handlers are cancelled at once") {
    run_in_loop([] {
        Server server(echo, {.grace = std::chrono::milliseconds(0), .on_stragglers = {}});
        const PlainSocket peer = server.connect();
        CHECK(ask(peer, "a") == "a");
        server.cancel();
        CHECK(server.outcome() == "cancelled");
    });
}

TEST_CASE("a server ends when another coroutine closes its listener") {
    run_in_loop([] {
        Server server(echo);
        PlainSocket peer = server.connect();
        CHECK(ask(peer, "a") == "a");
        server.listener.close();
        let_others_run();
        CHECK_FALSE(server.ended());
        peer.close();
        CHECK(server.outcome() == "returned");
    });
}

TEST_CASE("a server that is full can be called off") {
    run_in_loop([] {
        Server server(
            echo,
            {.max_connections = 1, .grace = std::chrono::milliseconds(2), .on_stragglers = {}});
        const PlainSocket peer = server.connect();
        CHECK(ask(peer, "a") == "a");
        const PlainSocket waiting = server.connect();
        let_others_run();
        server.cancel();
        CHECK(server.outcome() == "cancelled");
    });
}

TEST_CASE("a server that is full ends when its listener is closed, before any handler does") {
    run_in_loop([] {
        Server server(
            echo,
            {.max_connections = 1, .grace = std::chrono::milliseconds(2), .on_stragglers = {}});
        const PlainSocket peer = server.connect();
        CHECK(ask(peer, "a") == "a");
        server.listener.close();
        CHECK(server.outcome() == "returned");
    });
}

TEST_CASE("a thousand clients that reset at once leave nothing behind") {
    run_in_loop([] {
        int begun = 0;
        int running = 0;
        Server server([&](TcpStream client) {
            ++begun;
            ++running;
            try {
                echo(std::move(client));
            } catch (...) {
                --running;
                throw;
            }
            --running;
        });
        const std::size_t before = open_descriptors();
        std::vector<PlainSocket> peers;
        for (int i = 0; i < 1000; ++i) {
            peers.push_back(server.connect());
            peers.back().send("unanswered");
            if (i % 3 == 0) {
                let_others_run(1);
            }
        }
        for (PlainSocket& peer : peers) {
            peer.reset();
        }
        while (begun < 1000 || running > 0) {
            let_others_run(1);
        }
        let_others_run();
        CHECK(open_descriptors() <= before + 1);  // libuv's reserve
        CHECK(ask(server.connect(), "x") == "x");
        for (const std::string& error : server.errors) {
            CHECK(doctest::String(error.c_str()) == doctest::Contains("connection reset"));
        }
    });
}

TEST_CASE("a handler gets the stack it asks for") {
    run_in_loop([] {
        std::size_t size = 0;
        Server server([&](TcpStream) { size = Coroutine::self()->stack_size(); },
                      {.stack_size = std::size_t{1} << 20});
        const PlainSocket peer = server.connect();
        while (size == 0) {
            let_others_run(1);
        }
        CHECK(size > 900'000);
    });
}

TEST_CASE("handlers for which there is no stack are reported, and the server goes on") {
    run_in_loop([] {
        Server server(echo, {.stack_size = std::size_t{1} << 62});
        PlainSocket peer = server.connect();
        while (server.errors.empty()) {
            let_others_run(1);
        }
        REQUIRE(server.errors.size() == 1);
        CHECK(doctest::String(server.errors[0].c_str()) == doctest::Contains("connection: "));
        CHECK(peer.receive().empty());
        CHECK_FALSE(server.ended());
    });
}

#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN)  // which need the address space themselves
TEST_CASE("a server that is full, and has no memory to watch its listener, goes on") {
    const Death death = die([] {
        bool good = false;
        run_in_loop([&] {
            Server server(echo, {.max_connections = 1, .on_stragglers = {}});
            CoQueue gate;
            CoQueue first;
            TaskGroup hogs;
            const rlimit limit{512 << 20, 512 << 20};
            setrlimit(RLIMIT_AS, &limit);
            bool first_ended = false;
            hogs.spawn([&] {
                first.wait();
                first_ended = true;
            });
            while (hogs.spawn([&] { gate.wait(); }, {}, std::nothrow)) {
            }
            while (first.empty()) {
                let_others_run(1);
            }
            first.wake_one();
            while (!first_ended) {
                let_others_run(1);
            }  // now there is one stack, which the handler will take
            PlainSocket peer = server.connect();
            good = ask(peer, "a") == "a" && server.errors.size() == 1 && !server.ended();
            peer.close();
            let_others_run(10);
            const PlainSocket next = server.connect();
            good = good && ask(next, "b") == "b" && server.errors.size() == 2;
            std::fputs(server.errors.empty() ? "" : server.errors[0].c_str(), stderr);
            gate.wake_all();
            hogs.wait();
            server.listener.close();
        });
        _exit(good ? 0 : 1);
    });
    CHECK(doctest::String(death.words.c_str()) == doctest::Contains("create coroutine listener: "));
    CHECK(death.exit_code == 0);
}
#endif

TEST_CASE("a server may keep its listener to itself, and its handler may own something") {
    run_in_loop([] {
        TcpListener listener("127.0.0.1", 0);
        const Address address = listener.local_address();
        auto greeting = std::make_shared<std::string>("hello");
        Bystander server([&] {
            serve(std::move(listener), [greeting](TcpStream client) { client.write(*greeting); });
        });
        const PlainSocket peer = PlainSocket::connected_to(address);
        CHECK(ask(peer, "") == "hello");
        server.cancel();
        CHECK(server.outcome() == "cancelled");
        CHECK(listener.local_address() == Address());
    });
}

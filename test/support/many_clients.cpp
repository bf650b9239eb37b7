// SPDX-License-Identifier: MIT
//
// Many clients of an echo server in one process, each of which checks what comes back.
//
//     many_clients <host:port> <connections> <rounds> [hold]
//
// Opens all connections, then sends and checks <rounds> times on each, all at the same time. With
// "hold" it says so and keeps them open until SIGTERM. Exits with 0 if every byte was right.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <coloop/coloop.hpp>

#include "support/random.hpp"

namespace {

constexpr std::size_t most_connecting = 256;  // the backlog of a system may be small

void fill(std::span<std::byte> bytes, coloop::Random& random) {
    for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(random.next());
    }
}

/// Counts down to the moment when all have come.
class Gathering {
public:
    explicit Gathering(std::size_t missing) : missing_(missing) {}

    void arrive_and_wait() {
        if (--missing_ == 0) {
            all_here_.wake_all();
        } else {
            all_here_.wait();
        }
    }

    [[nodiscard]] bool one_missing() const { return missing_ == 1; }

private:
    std::size_t missing_;
    coloop::CoQueue all_here_;
};

coloop::TcpStream connect(const coloop::Address& server, coloop::CoSemaphore& connecting) {
    connecting.acquire();
    coloop::Result<coloop::TcpStream> stream = coloop::TcpStream::connect(server, std::nothrow);
    connecting.release();
    return std::move(stream).value();
}

void exchange(coloop::TcpStream& stream, coloop::Random& random) {
    std::array<std::byte, 512> sent;
    std::array<std::byte, 512> received;
    fill(sent, random);
    stream.write(sent);
    stream.read_exactly(received);
    if (sent != received) {
        throw std::runtime_error("what came back is not what was sent");
    }
}

void run_clients(const coloop::Address& server, std::size_t count, int rounds, bool hold) {
    coloop::CoSemaphore connecting(most_connecting);
    Gathering connected(count);
    Gathering done(count + 1);
    coloop::TaskGroup group;
    for (std::size_t i = 0; i < count; ++i) {
        group.spawn([&, i] {
            coloop::TcpStream stream = connect(server, connecting);
            connected.arrive_and_wait();
            coloop::Random random(i);
            for (int round = 0; round < rounds; ++round) {
                exchange(stream, random);
            }
            done.arrive_and_wait();
        });
    }
    if (hold) {
        coloop::TaskGroup teller;
        teller.spawn([&] {
            while (!done.one_missing()) {
                coloop::co_sleep(std::chrono::milliseconds(10));
            }
            std::puts("holding");
            std::fflush(stdout);
        });
        coloop::wait_for_signal({SIGTERM});
    }
    done.arrive_and_wait();
    group.wait();
    std::printf("%zu connections, %d rounds each\n", count, rounds);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fputs("usage: many_clients <host:port> <connections> <rounds> [hold]\n", stderr);
        return 2;
    }
    return coloop::run([&] {
        run_clients(coloop::Address::parse(argv[1]), std::strtoul(argv[2], nullptr, 10),
                    std::atoi(argv[3]), argc > 4);
    });
}

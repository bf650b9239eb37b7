// SPDX-License-Identifier: MIT
//
// What coroutines with small stacks may still do: what takes more of it is done elsewhere.
#include <csignal>
#include <functional>
#include <string>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/dead_port.hpp"
#include "support/effort.hpp"
#include "support/files.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

constexpr std::size_t scale = coroutines_are_dear ? 16 : 1;  // sanitizers' frames are larger
constexpr std::size_t smallest = scale * (std::size_t{16} << 10);
constexpr std::size_t small = scale * (std::size_t{64} << 10);

/// Calls `body()` on a stack of this size; running over its end would end the process.
void on_stack_of(std::size_t size, const std::function<void()>& body) {
    TaskGroup group;
    group.spawn(body, {.stack_size = size});
    group.wait();
}

void ask(Stream& near, Stream& far) {
    std::array<std::byte, 64> buffer;
    near.write("question");
    far.read_exactly(std::span(buffer).first(8));
    far.write("answer");
    near.read_exactly(std::span(buffer).first(6));
    near.shutdown_write();
    CHECK(far.read(buffer) == 0);
}

}  // namespace

TEST_SUITE("small stacks") {
    TEST_CASE("the smallest stack is enough for connections, datagrams, timeouts and errors") {
        run_in_loop([] {
            const DeadPort dead;
            on_stack_of(smallest, [address = dead.address()] {
                TcpPair tcp;
                ask(tcp.near, tcp.far);
                auto [near, far] = pipe_pair();
                ask(near, far);
                tcp.near.close();
                tcp.far.close();

                UdpSocket socket("127.0.0.1", 0);
                socket.send_to(bytes("datagram"), socket.local_address());
                std::array<std::byte, 16> buffer;
                CHECK(socket.receive_from(buffer).size == 8);

                CHECK_THROWS_AS(TcpStream::connect(address), Error);
                CHECK_THROWS_AS(
                    with_timeout(std::chrono::milliseconds(1),
                                 [&] { static_cast<void>(socket.receive_from(buffer)); }),
                    TimedOut);
            });
        });
    }

    TEST_CASE("64 KiB are enough for all there is") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            on_stack_of(small, [&] {
                const std::string path = directory / "file";
                DirectoryWatch watch(directory.path());
                fs::write_file(path, "text");
                CHECK(watch.next().has_value());
                CHECK(fs::read_file(path) == "text");
                CHECK(fs::scandir(directory.path()).size() == 1);
                CHECK(fs::realpath(path).ends_with("/file"));
                CHECK(run_process({"cat"}, {.input = "by way of a program"}).output ==
                      "by way of a program");
                CHECK_THROWS_AS(run_process({"no-such-program"}), Error);
                CHECK_FALSE(resolve("localhost").empty());
                std::array<std::byte, 16> random;
                fill_random(random);
                CHECK(run_blocking([] { return 7; }) == 7);

                SignalSet signals({SIGUSR1});
                raise(SIGUSR1);
                CHECK(signals.wait() == SIGUSR1);

                File from = File::open(path);
                MemoryWriter to;
                CHECK(copy(from, to) == 4);
                UdpSocket socket("127.0.0.1", 0);
                const std::vector<OutgoingDatagram> all(
                    40, {.data = bytes("x"), .receiver = socket.local_address()});
                CHECK(socket.send_many(all) == 40);
                std::vector<IncomingDatagram> places(40);
                CHECK(socket.receive_many(places) >= 1);
                CHECK(fs::remove_all(path) == 1);
            });
        });
    }
}

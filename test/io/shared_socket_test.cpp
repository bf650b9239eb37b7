// SPDX-License-Identifier: MIT
//
// Sockets that other processes share: what ends a wait on one, and what that does to it.
#include "io/shared_socket.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/descriptors.hpp"
#include "support/expect_error.hpp"
#include "support/loop_turns.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;

namespace {

/// One end of a connection as a SharedSocket, the other as the system has it.
class Ends {
public:
    Ends() {
        int numbers[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, numbers) == 0);
        ours_ = Descriptor(NativeDescriptor{numbers[0]});
        far_ = Descriptor(NativeDescriptor{numbers[1]});
        near.emplace(SharedSocket::open(ours_.native(), "the socket").value());
    }

    /// Until the socket takes no more.
    void fill() const {
        const std::string chunk(65536, 'x');
        while (::send(number(ours_), chunk.data(), chunk.size(), MSG_DONTWAIT) > 0) {
        }
    }

    void send(std::string_view text) const {
        REQUIRE(::send(number(far_), text.data(), text.size(), 0) ==
                static_cast<ssize_t>(text.size()));
    }

    /// All that there is.
    std::size_t drain() const {
        std::string chunk(65536, '\0');
        std::size_t total = 0;
        for (ssize_t count;
             (count = recv(number(far_), chunk.data(), chunk.size(), MSG_DONTWAIT)) > 0;) {
            total += static_cast<std::size_t>(count);
        }
        return total;
    }

    [[nodiscard]] bool is_blocking() const {
        return (fcntl(number(ours_), F_GETFL) & O_NONBLOCK) == 0;
    }

    void hang_up() { far_.close(); }

    std::optional<SharedSocket> near;

private:
    static int number(const Descriptor& descriptor) {
        return static_cast<int>(descriptor.native());
    }

    Descriptor ours_;
    Descriptor far_;
};

/// Something that waits for the socket until it is ended.
struct Operation {
    const char* text;
    std::function<void(Ends&)> prepare;
    std::function<void(SharedSocket&)> run;
    std::function<Error(SharedSocket&)> run_quietly;
};

const std::vector<Operation>& operations() {
    static std::array<std::byte, 8> buffer;
    static const std::vector<Operation> all = {
        {"read the socket", [](Ends&) {},
         [](SharedSocket& socket) { static_cast<void>(socket.read(buffer)); },
         [](SharedSocket& socket) { return socket.read(buffer, std::nothrow).error(); }},
        {"write the socket", [](Ends& ends) { ends.fill(); },
         [](SharedSocket& socket) { socket.write("more"); },
         [](SharedSocket& socket) { return socket.write("more", std::nothrow).error(); }},
    };
    return all;
}

/// Each operation waits, and `end` ends the wait; `outcome` follows what the operation is.
void expect_end(const std::function<void(Ends&, Bystander&)>& end, const std::string& outcome) {
    for (const Operation& operation : operations()) {
        CAPTURE(operation.text);
        run_in_loop([&] {
            const std::size_t before = open_descriptors();
            {
                Ends ends;
                operation.prepare(ends);
                Bystander waiter([&] { operation.run(*ends.near); });
                CHECK_FALSE(waiter.ended());
                end(ends, waiter);
                CHECK(waiter.outcome() == (outcome[0] == ':' ? operation.text + outcome : outcome));
            }
            let_others_run();
            CHECK(open_descriptors() == before);
        });
    }
}

}  // namespace

TEST_SUITE("SharedSocket") {
    TEST_CASE("what is sent to it is read, what is written arrives, and its mode stays") {
        run_in_loop([] {
            Ends ends;
            std::array<std::byte, 8> buffer;
            Bystander reader([&] { CHECK(ends.near->read(buffer) == 4); });
            CHECK_FALSE(reader.ended());
            ends.send("1234");
            CHECK(reader.outcome().empty());

            const std::vector<std::byte> much(1 << 20);
            Bystander writer([&] { ends.near->write(much); });
            CHECK_FALSE(writer.ended());
            std::size_t total = 0;
            while (!writer.ended()) {
                total += ends.drain();
                co_sleep_ns(0);
            }
            CHECK(total + ends.drain() == much.size());
            CHECK(ends.is_blocking());
        });
    }

    TEST_CASE("a shared socket on which all wait lets the loop sleep") {
        run_in_loop([] {
            Ends ends;
            ends.fill();
            std::array<std::byte, 8> buffer;
            Bystander reader([&] { static_cast<void>(ends.near->read(buffer)); });
            Bystander writer([&] { ends.near->write("more"); });
            const LoopTurns turns;
            co_sleep(std::chrono::milliseconds(20));
            CHECK(turns.count() < 10);
            reader.cancel();
            writer.cancel();
        });
    }

    TEST_CASE("nothing is begun on a shared socket in a cancelled scope") {
        for (const Operation& operation : operations()) {
            CAPTURE(operation.text);
            run_in_loop([&] {
                Ends ends;
                ends.send("here");
                {
                    CancelScope scope;
                    scope.cancel();
                    CHECK_THROWS_AS(operation.run(*ends.near), Cancelled);
                    const Error error = operation.run_quietly(*ends.near);
                    CHECK(error.code() == Errc::cancelled);
                    CHECK(error.what() == std::string(operation.text) + ": cancelled");
                }
                CHECK(ends.drain() == 0);
                std::array<std::byte, 8> buffer;
                CHECK(ends.near->read(buffer) == 4);
                ends.near->write("x");
            });
        }
    }

    TEST_CASE("a wait for a shared socket can be cancelled and run out of time") {
        expect_end([](Ends&, Bystander& waiter) { waiter.cancel(); }, "cancelled");
        for (const Operation& operation : operations()) {
            run_in_loop([&] {
                Ends ends;
                operation.prepare(ends);
                CHECK_FALSE(move_on_after(std::chrono::milliseconds(1),
                                          [&] { operation.run(*ends.near); }));
            });
        }
    }

    TEST_CASE("a shared socket that is closed, destroyed or replaced ends who waits for it") {
        expect_end([](Ends& ends, Bystander&) { ends.near->close(); }, ": closed");
        expect_end([](Ends& ends, Bystander&) { ends.near.reset(); }, ": closed");
        expect_end(
            [](Ends& ends, Bystander&) {
                Ends other;
                *ends.near = *std::move(other.near);
                other.near.reset();
            },
            ": closed");
    }

    TEST_CASE("closing a shared socket ends who only lets others run, too") {
        run_in_loop([] {
            Ends ends;
            std::string result;
            Bystander writer(
                [&] {
                    Result<void> written;
                    while (written) {
                        written = ends.near->write("x", std::nothrow);
                    }
                    result = written.error().what();
                },
                0);
            co_sleep_ns(0);  // it is behind us, after so many that it has let the loop poll
            ends.drain();
            ends.near->close();
            CHECK(writer.outcome().empty());
            CHECK(result == "write the socket: closed");
            CHECK(ends.drain() == 0);
        });
    }

    TEST_CASE("closing a shared socket and cancelling who waits, in one turn, is one end") {
        expect_end(
            [](Ends& ends, Bystander& waiter) {
                waiter.cancel();
                ends.near->close();
            },
            "cancelled");
        expect_end(
            [](Ends& ends, Bystander& waiter) {
                ends.near->close();
                waiter.cancel();
            },
            ": closed");
    }

    TEST_CASE("a cancelled reader of a shared socket loses nothing, a cancelled writer closes it") {
        run_in_loop([] {
            Ends ends;
            std::array<std::byte, 8> buffer;
            Bystander reader([&] { static_cast<void>(ends.near->read(buffer)); });
            reader.cancel();
            ends.send("kept");
            CHECK(reader.outcome() == "cancelled");
            CHECK(ends.near->read(buffer) == 4);

            ends.fill();
            Bystander writer([&] { ends.near->write("first"); });
            Bystander queued([&] { ends.near->write("second"); });
            Bystander ending([&] { ends.near->shutdown_write(); });
            writer.cancel();
            CHECK(writer.outcome() == "cancelled");
            CHECK(queued.outcome() == "write the socket: closed");
            CHECK(ending.outcome() == "shut down the socket: closed");
        });
    }

    TEST_CASE("a writer of a shared socket that is cancelled in the queue leaves it open") {
        run_in_loop([] {
            Ends ends;
            ends.fill();
            Bystander writer([&] { ends.near->write("first"); });
            Bystander queued([&] { ends.near->write("second"); });
            queued.cancel();
            CHECK(queued.outcome() == "cancelled");
            ends.drain();
            CHECK(writer.outcome().empty());
            CHECK(ends.drain() == 5);
        });
    }

    TEST_CASE("ending a shared socket's writing waits for the writer, and is seen as the end") {
        run_in_loop([] {
            Ends ends;
            ends.fill();
            Bystander writer([&] { ends.near->write("last"); });
            Bystander ending([&] { ends.near->shutdown_write(); });
            CHECK_FALSE(ending.ended());
            ends.drain();
            CHECK(writer.outcome().empty());
            CHECK(ending.outcome().empty());
            CHECK(ends.drain() == 4);
            expect_error(ends.near->write("x", std::nothrow), std::errc::broken_pipe,
                         "write the socket: broken pipe");
        });
    }

    TEST_CASE("trouble with a shared socket is an error that names it, in both forms") {
        run_in_loop([] {
            Ends ends;
            std::array<std::byte, 8> buffer;
            Bystander reader([&] { static_cast<void>(ends.near->read(buffer)); });
            expect_both([&] { static_cast<void>(ends.near->read(buffer)); },
                        [&] { return ends.near->read(buffer, std::nothrow); },
                        std::errc::device_or_resource_busy,
                        "read the socket: resource busy or locked");
            ends.hang_up();
            CHECK(reader.outcome().empty());
            CHECK(ends.near->read(buffer) == 0);
            expect_both([&] { ends.near->write("x"); },
                        [&] { return ends.near->write("x", std::nothrow); }, std::errc::broken_pipe,
                        "write the socket: broken pipe");
            ends.near->close();
            ends.near->close();
            for (const Operation& operation : operations()) {
                CHECK(operation.run_quietly(*ends.near).what() ==
                      std::string(operation.text) + ": closed");
            }
        });
    }
}

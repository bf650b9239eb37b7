// SPDX-License-Identifier: MIT
//
// On real sockets of the loopback interface, with both ends on the loop that is tested.
#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include <coloop/dns.hpp>
#include <coloop/serve.hpp>
#include <coloop/signal.hpp>
#include <coloop/sleep.hpp>
#include <coloop/tcp.hpp>
#include <coloop/timeout.hpp>

#include "support/dead_port.hpp"
#include "support/sockets.hpp"
#include "testing/scenarios.hpp"

namespace coloop::testing {

using namespace std::chrono_literals;

namespace {

using Bytes = std::array<std::byte, 64>;

/// What no connection takes at once: fill() can't know of room that the system makes only later,
/// when the receiver's word has come, but that is at most 4 MiB.
constexpr std::size_t plenty = std::size_t{8} << 20;

/// Reads what is there and what still comes, until the other end is closed or reset.
std::size_t drain(TcpStream& stream) {
    std::size_t total = 0;
    std::vector<std::byte> buffer(64 * 1024);
    for (;;) {
        const Result<std::size_t> count = stream.read(buffer, std::nothrow);
        if (!count || *count == 0) {
            return total;
        }
        total += *count;
    }
}

void connect_by_address(Attempt& attempt) {
    TcpListener listener("127.0.0.1", 0);
    attempt.run([&] {
        TcpStream stream = TcpStream::connect(listener.local_address());
        stream.close();
    });
    TcpStream after = TcpStream::connect(listener.local_address());
    expect(after.is_open());
}

void connect_by_name(Attempt& attempt) {
    TcpListener listener("127.0.0.1", 0);
    attempt.run([&] { TcpStream::connect("localhost", listener.local_address().port()); });
}

void connect_to_nobody(Attempt& attempt) {
    const DeadPort dead;
    attempt.run([&] {
        const Result<TcpStream> refused = TcpStream::connect(dead.address(), std::nothrow);
        expect(!refused);
        check_cancelled();
        co_sleep_ns(0);
    });
}

void look_up(Attempt& attempt) {
    attempt.run([] { expect_not(resolve("localhost").empty()); });
}

void accept_one(Attempt& attempt) {
    TcpListener listener("127.0.0.1", 0);
    std::optional<TcpStream> client;
    TaskGroup group;
    when_all_blocked(group, [&] { client.emplace(TcpStream::connect(listener.local_address())); });
    const bool whole = attempt.run([&] { listener.accept(); });
    group.wait();
    if (!whole) {  // the connection was not taken with the one who was cancelled
        expect(with_timeout(1h, [&] { return listener.accept(); }).is_open());
    }
}

void accept_while_closed(Attempt& attempt) {
    TcpListener listener("127.0.0.1", 0);
    TaskGroup group;
    when_all_blocked(group, [&] { listener.close(); });
    attempt.run([&] {
        const Result<TcpStream> stream = listener.accept(std::nothrow);
        expect((stream.error().code() == Errc::closed || stream.error().code() == Errc::cancelled));
    });
    group.wait();
}

void read_some(Attempt& attempt) {
    TcpPair pair;
    Bytes buffer{};
    TaskGroup group;
    when_all_blocked(group, [&] { pair.far.write("hello"); });
    std::size_t got = 0;
    attempt.run([&] { got = pair.near.read(buffer); });
    group.wait();
    if (got == 0) {  // nothing was lost
        got = pair.near.read(buffer);
    }
    expect(got == 5);
}

void read_to_the_end(Attempt& attempt) {
    TcpPair pair;
    TaskGroup group;
    when_all_blocked(group, [&] {
        pair.far.write("hello");
        pair.far.shutdown_write();
    });
    std::size_t got = 0;
    const auto read_all = [&] {
        Bytes buffer{};
        while (const std::size_t count = pair.near.read(std::span(buffer).first(2))) {
            got += count;
        }
    };
    attempt.run(read_all);
    group.wait();
    read_all();
    expect(got == 5);
}

void read_exactly(Attempt& attempt) {
    TcpPair pair;
    Bytes buffer{};
    TaskGroup group;
    when_all_blocked(group, [&] {
        pair.far.write("one");
        wait_until_all_blocked();
        pair.far.write("two");
        pair.far.shutdown_write();
    });
    attempt.run([&] { pair.near.read_exactly(std::span(buffer).first(6)); });
    group.wait();
    drain(pair.near);
}

void read_while_closed(Attempt& attempt) {
    TcpPair pair;
    TaskGroup group;
    when_all_blocked(group, [&] { pair.near.close(); });
    attempt.run([&] {
        Bytes buffer{};
        expect_not(pair.near.read(buffer, std::nothrow));
    });
    group.wait();
}

void read_from_one_who_resets(Attempt& attempt) {
    TcpPair pair;
    TaskGroup group;
    when_all_blocked(group, [&] { pair.far.reset(); });
    attempt.run([&] {
        Bytes buffer{};
        expect_not(pair.near.read(buffer, std::nothrow));
    });
    group.wait();
}

/// The writer waits for a peer that reads only later.
void write_to_a_slow_peer(Attempt& attempt) {
    TcpPair pair;
    const std::size_t before = fill(pair.near);
    const std::vector<std::byte> bytes(plenty);
    std::size_t got = 0;
    TaskGroup group;
    when_all_blocked(group, [&] { got = drain(pair.far); });
    const bool whole = attempt.run([&] { pair.near.write(bytes); });
    pair.near.close();
    group.wait();
    expect((!whole || got == before + bytes.size()));
    expect(got <= before + bytes.size());
}

void write_pieces_to_a_slow_peer(Attempt& attempt) {
    TcpPair pair;
    fill(pair.near);
    const std::vector<std::byte> bytes(plenty);
    const std::span<const std::byte> pieces[] = {bytes, std::span(bytes).first(1), {}, bytes};
    TaskGroup group;
    when_all_blocked(group, [&] { drain(pair.far); });
    attempt.run([&] { pair.near.write(pieces); });
    pair.near.close();
    group.wait();
}

/// Each write is whole: if the second goes, the first went; if the first is cut, both end.
void two_writers(Attempt& attempt) {
    TcpPair pair;
    const std::size_t before = fill(pair.near);
    const std::vector<std::byte> bytes(plenty);
    std::size_t got = 0;
    TaskGroup group;
    when_all_blocked(group, [&] { got = drain(pair.far); });
    bool second = false;
    const bool first = attempt.run([&] {
        group.spawn([&] {
            give_way();
            second = pair.near.write(std::span(bytes).first(7), std::nothrow).has_value();
        });
        pair.near.write(bytes);
    });
    wait_until_all_blocked();
    pair.near.close();
    group.wait();
    expect((!first || !second || got == before + bytes.size() + 7));
}

/// The one that is cancelled only waits for its turn: the stream lives on.
void second_of_two_writers(Attempt& attempt) {
    TcpPair pair;
    const std::size_t before = fill(pair.near);
    const std::vector<std::byte> bytes(plenty);
    bool first = false;
    std::size_t got = 0;
    TaskGroup reader;
    TaskGroup group;
    group.spawn([&] { first = pair.near.write(bytes, std::nothrow).has_value(); });
    give_way();
    when_all_blocked(reader, [&] { got = drain(pair.far); });
    const bool second = attempt.run([&] {
        // Its own turn may have come, so it can be cut short; then the stream is closed.
        pair.near.write(std::span(bytes).first(7));
    });
    group.wait();
    pair.near.close();
    reader.wait();
    expect(first);
    expect(got >= before + bytes.size());
    expect((!second || got == before + bytes.size() + 7));
}

/// Behind a writer, for nothing else makes it wait.
void shut_down(Attempt& attempt) {
    TcpPair pair;
    const std::size_t before = fill(pair.near);
    const std::vector<std::byte> bytes(plenty);
    std::size_t got = 0;
    TaskGroup group;
    group.spawn([&] { static_cast<void>(pair.near.write(bytes, std::nothrow).has_value()); });
    give_way_in_shield();
    when_all_blocked(group, [&] { got = drain(pair.far); });
    const bool whole = attempt.run([&] { pair.near.shutdown_write(); });
    pair.near.close();
    group.wait();
    expect((!whole || got == before + bytes.size()));
}

void close_gracefully(Attempt& attempt) {
    TcpPair pair;
    TaskGroup group;
    when_all_blocked(group, [&] {
        static_cast<void>(pair.far.write("rest", std::nothrow).has_value());
        pair.far.close();
    });
    attempt.run([&] { pair.near.graceful_close(); });
    pair.near.close();
    group.wait();
    expect_not(pair.near.is_open());
}

/// Closing is not cancelled.
void close_at_once(Attempt& attempt) {
    TcpPair pair;
    attempt.run([&] {
        pair.near.close();
        pair.far.close();
    });
    expect_not(pair.near.is_open());
    expect_not(pair.far.is_open());
}

/// A stream that is destroyed while its peer waits.
void destroy_a_stream(Attempt& attempt) {
    TcpListener listener("127.0.0.1", 0);
    attempt.run([&] {
        std::optional<TcpStream> near(TcpStream::connect(listener.local_address()));
        TcpStream far = listener.accept();
        TaskGroup group;
        when_all_blocked(group, [&] { near.reset(); });
        drain(far);
        group.wait();
    });
}

void echo(TcpStream& stream) {
    Bytes buffer{};
    while (const std::size_t count = stream.read(buffer)) {
        stream.write(std::span(buffer).first(count));
    }
}

void echo_session(Attempt& attempt) {
    TcpPair pair;
    attempt.run([&] {
        TaskGroup group;
        group.spawn([&] {
            echo(pair.far);
            pair.far.close();
        });
        Bytes buffer{};
        for (int i = 0; i < 2; ++i) {
            pair.near.write("hello");
            pair.near.read_exactly(std::span(buffer).first(5));
        }
        pair.near.graceful_close();
        group.wait();
    });
}

/// serve() is cancelled, drains, and is done when its handlers are.
void serve_and_drain(Attempt& attempt) {
    TcpListener listener("127.0.0.1", 0);
    const Address address = listener.local_address();
    TaskGroup clients;
    attempt.run([&] {
        clients.spawn([address] {
            Result<TcpStream> stream = TcpStream::connect(address, std::nothrow);
            Bytes buffer{};
            if (stream && stream->write("hello", std::nothrow) &&
                stream->read(buffer, std::nothrow)) {
                wait_until_all_blocked();
            }
        });
        move_on_after(10s, [&] {
            serve(listener, [](TcpStream stream) { echo(stream); },
                  {.on_error = [](const std::exception_ptr&) {}, .grace = 3s});
        });
    });
    listener.close();
    clients.wait();
}

/// A handler that does not end by itself is cancelled after the grace.
void serve_somebody_stubborn(Attempt& attempt) {
    TcpListener listener("127.0.0.1", 0);
    std::optional<TcpStream> client;
    int inside = 0;
    attempt.run([&] {
        client.emplace(TcpStream::connect(listener.local_address()));
        move_on_after(1s, [&] {
            serve(listener,
                  [&](const TcpStream&) {
                      struct Count {
                          int& number;
                          explicit Count(int& which) : number(which) { ++number; }
                          ~Count() { --number; }
                      } const count(inside);
                      CoQueue().wait();
                  },
                  {.grace = 1s});
        });
    });
    expect(inside == 0);
}

void signal_that_comes(Attempt& attempt) {
    bool waits = false;  // or the signal would end the process
    TaskGroup group;
    when_all_blocked(group, [&] {
        if (waits) {
            std::raise(SIGUSR2);
        }
    });
    attempt.run([&] {
        struct Waiting {
            bool& flag;
            explicit Waiting(bool& which) : flag(which) { flag = true; }
            ~Waiting() { flag = false; }
        } const waiting(waits);
        expect(wait_for_signal({SIGUSR2, SIGUSR1}) == SIGUSR2);
    });
    group.wait();
}

/// A read with a deadline, in a group, in a timeout.
void read_in_a_group_in_a_timeout(Attempt& attempt) {
    TcpPair pair;
    attempt.run([&] {
        const auto session = [&] {
            TaskGroup group;
            group.spawn([&] {
                Bytes buffer{};
                expect_not(move_on_after(1h, [&] { return pair.near.read(buffer); }));
                expect(pair.near.read(buffer) == 4);
            });
            group.spawn([&] {
                co_sleep(2h);
                pair.far.write("late");
            });
            group.wait();
            co_sleep(9h);
        };
        expect_thrown<TimedOut>([&] { with_timeout(3h, session); });
    });
}

/// The data, the deadline and the cancel all at one moment.
void read_that_ends_with_its_deadline(Attempt& attempt) {
    TcpPair pair;
    TaskGroup group;
    attempt.run([&] {
        group.spawn([&] {
            co_sleep(1h);
            pair.far.write("just");
        });
        move_on_after(1h, [&] {
            Bytes buffer{};
            return pair.near.read(buffer);
        });
    });
    group.wait();
}

constexpr Scenario scenarios[] = {
    {"connect by address", connect_by_address},
    {"connect by name", connect_by_name},
    {"connect to a port where nobody listens", connect_to_nobody},
    {"look up a name", look_up},
    {"accept", accept_one},
    {"accept from a listener that is closed", accept_while_closed},
    {"read", read_some},
    {"read to the end", read_to_the_end},
    {"read exactly", read_exactly},
    {"read from a stream that is closed", read_while_closed},
    {"read from a peer that resets", read_from_one_who_resets},
    {"write to a slow peer", write_to_a_slow_peer},
    {"write pieces to a slow peer", write_pieces_to_a_slow_peer},
    {"write before another writer", two_writers},
    {"write behind another writer", second_of_two_writers},
    {"shut down writing", shut_down},
    {"close gracefully", close_gracefully},
    {"close", close_at_once},
    {"destroy a stream whose peer waits", destroy_a_stream},
    {"an echo session", echo_session},
    {"serve and drain", serve_and_drain},
    {"serve somebody stubborn", serve_somebody_stubborn},
    {"wait for a signal", signal_that_comes},
    {"a read with a deadline in a group in a timeout", read_in_a_group_in_a_timeout},
    {"a read that ends with its deadline", read_that_ends_with_its_deadline},
};

}  // namespace

std::span<const Scenario> network_scenarios() { return scenarios; }

TEST_SUITE("cancel at every step") {
    TEST_CASE("connections, servers, names and signals") {
        cancel_each(scenarios, {.order = Order::fifo});
    }
}

}  // namespace coloop::testing

// SPDX-License-Identifier: MIT
//
// What goes from one place to another: between threads, by copy(), through pipes with descriptors,
// as datagrams, and on descriptors that belong to somebody else.
#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <coloop/call_on.hpp>
#include <coloop/copy.hpp>
#include <coloop/file.hpp>
#include <coloop/fs.hpp>
#include <coloop/loop_channel.hpp>
#include <coloop/memory_stream.hpp>
#include <coloop/pipe.hpp>
#include <coloop/readiness.hpp>
#include <coloop/sleep.hpp>
#include <coloop/timeout.hpp>
#include <coloop/udp.hpp>

#include "support/files.hpp"
#include "support/loop_thread.hpp"
#include "support/sockets.hpp"
#include "testing/scenarios.hpp"

namespace coloop::testing {

using namespace std::chrono_literals;

namespace {

using Bytes = std::array<std::byte, 64>;

/// Where the scenarios work; each finds the file "data" there.
std::string folder;

constexpr std::size_t data_size = 300'000;

std::string place(const char* name) { return folder + '/' + name; }

/// Reads until the end, or until it fails.
std::size_t drain(Reader& reader) {
    std::size_t total = 0;
    std::vector<std::byte> buffer(64 * 1024);
    for (;;) {
        const Result<std::size_t> count = reader.read(buffer, std::nothrow);
        if (!count || *count == 0) {
            return total;
        }
        total += *count;
    }
}

// ---- threads ----

void call_on_another_loop(Attempt& attempt) {
    const LoopThread other;
    bool inside = false;
    attempt.run([&] {
        expect(call_on(other.loop(), [&] {
                   struct Inside {
                       bool& flag;
                       explicit Inside(bool& which) : flag(which) { flag = true; }
                       ~Inside() { flag = false; }
                   } const here(inside);
                   co_sleep(1ms);
                   return 7;
               }) == 7);
    });
    expect_not(inside);
}

void call_on_another_loop_that_throws(Attempt& attempt) {
    const LoopThread other;
    attempt.run([&] {
        expect_thrown<std::runtime_error>(
            [&] { call_on(other.loop(), [] { throw std::runtime_error("from there"); }); });
        give_way();
    });
}

/// Who is cancelled has sent its value or has not; what was sent arrives once and in order.
void send_to_another_loop(Attempt& attempt, std::size_t capacity) {
    const LoopThread other;
    LoopChannel<int> channel(capacity);
    std::vector<int> sent;
    std::vector<int> received;
    TaskGroup group;
    group.spawn([&] {
        call_on(other.loop(), [&] {
            while (const std::optional<int> value = channel.receive()) {
                received.push_back(*value);
            }
        });
    });
    attempt.run([&] {
        for (int i = 1; i <= 4; ++i) {
            channel.send(i);
            sent.push_back(i);
            give_way();
        }
    });
    channel.close();
    group.wait();
    expect(received == sent);
}

void send_to_another_loop_that_waits(Attempt& attempt) { send_to_another_loop(attempt, 0); }

void send_to_another_loop_with_room(Attempt& attempt) { send_to_another_loop(attempt, 2); }

/// What the cancelled one has not received is there for the next.
void receive_from_another_loop(Attempt& attempt) {
    const LoopThread other;
    LoopChannel<int> channel(1);
    std::vector<int> received;
    const auto rest = [&] {
        while (const std::optional<int> value = channel.receive()) {
            received.push_back(*value);
            give_way();
        }
    };
    TaskGroup group;
    group.spawn([&] {
        call_on(other.loop(), [&] {
            for (int i = 1; i <= 4; ++i) {
                channel.send(i);
            }
            channel.close();
        });
    });
    attempt.run(rest);
    rest();
    group.wait();
    expect(received == std::vector<int>{1, 2, 3, 4});
}

// ---- copy() ----

/// What was counted has arrived, and no more than a piece beyond that.
void copy_file_to_stream(Attempt& attempt) {
    TcpPair pair;
    File file = File::open(place("data"));
    std::uint64_t copied = 0;
    std::size_t got = 0;
    TaskGroup group;
    when_all_blocked(group, [&] { got = drain(pair.far); });
    const bool whole =
        attempt.run([&] { expect(copy(file, pair.near, {.copied = &copied}) == data_size); });
    pair.near.close();
    group.wait();
    expect(got >= copied);
    expect((!whole || got == data_size));
}

void copy_file_to_file(Attempt& attempt) {
    attempt.run([] {
        File from = File::open(place("data"));
        File to = File::create(place("copy"));
        expect(copy(static_cast<Reader&>(from), to) == data_size);
        to.close();
        expect(fs::stat(place("copy")).size == data_size);
    });
    std::filesystem::remove(std::filesystem::path(place("copy")));
}

void copy_stream_to_stream(Attempt& attempt) {
    TcpPair source;
    TcpPair target;
    std::size_t got = 0;
    std::uint64_t copied = 0;
    const std::vector<std::byte> bytes(data_size);
    TaskGroup group;
    group.spawn([&] {
        if (source.far.write(bytes, std::nothrow)) {
            static_cast<void>(source.far.shutdown_write(std::nothrow).has_value());
        }
    });
    when_all_blocked(group, [&] { got = drain(target.far); });
    const bool whole = attempt.run([&] {
        expect(copy(static_cast<Reader&>(source.near), target.near, {.copied = &copied}) ==
               data_size);
    });
    source.near.close();
    target.near.close();
    group.wait();
    expect(got >= copied);
    expect((!whole || got == data_size));
}

void copy_in_pieces(Attempt& attempt) {
    auto source = memory_stream_pair({.latency = 1h});
    auto target = memory_stream_pair({.latency = 1h});
    std::size_t got = 0;
    std::uint64_t copied = 0;
    TaskGroup group;
    group.spawn([&] {
        source.far.write(bytes("hello"));
        source.far.shutdown_write();
    });
    group.spawn([&] { got = drain(target.far); });
    const bool whole = attempt.run(
        [&] { copy(static_cast<Reader&>(source.near), target.near, {.copied = &copied}); });
    target.near.close();
    group.wait();
    expect(got >= copied);
    expect((!whole || got == 5));
}

// ---- pipes and descriptors ----

void accept_from_a_pipe(Attempt& attempt) {
    PipeListener listener(place("socket"));
    std::optional<PipeStream> client;
    TaskGroup group;
    when_all_blocked(group, [&] { client.emplace(PipeStream::connect(place("socket"))); });
    const bool whole = attempt.run([&] { listener.accept(); });
    group.wait();
    if (!whole) {  // the connection was not taken with the one who was cancelled
        expect(listener.accept().is_open());
    }
}

/// The listener has no room for it.
void connect_to_a_busy_pipe(Attempt& attempt) {
    PipeListener listener(place("socket"), {.backlog = 0});
    const PipeStream first = PipeStream::connect(place("socket"));
    TaskGroup group;
    when_all_blocked(group, [&] { listener.accept(); });
    attempt.run([&] { PipeStream::connect(place("socket")).write("x"); });
    group.wait();
}

std::vector<Descriptor> null_device() {
    std::vector<Descriptor> descriptors;
    const File null = File::open("/dev/null");
    descriptors.push_back(
        Descriptor::duplicate(NativeDescriptor{static_cast<int>(null.native_handle())}));
    return descriptors;
}

void receive_descriptors(Attempt& attempt) {
    auto [near, far] = pipe_pair();
    Bytes buffer{};
    ReceivedDescriptors received;
    TaskGroup group;
    when_all_blocked(group, [&far = far] { far.send_descriptors(null_device(), bytes("x")); });
    const auto receive = [&, &near = near] { received = near.receive_descriptors(buffer); };
    attempt.run(receive);
    group.wait();
    if (received.size == 0) {
        receive();
    }
    expect(received.descriptors.size() == 1);
}

/// Cancelled before a byte was taken, it has sent nothing and leaves the stream open.
void send_descriptors_without_room(Attempt& attempt) {
    const std::vector<Descriptor> descriptors = null_device();
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const std::array<char, 4096> chunk{};
    std::size_t before = 0;
    ssize_t count = 0;
    while ((count = ::send(ends[0], chunk.data(), chunk.size(), MSG_DONTWAIT)) > 0) {
        before += static_cast<std::size_t>(count);
    }
    PipeStream near = PipeStream::adopt_descriptor(Descriptor(NativeDescriptor{ends[0]}));
    PipeStream far = PipeStream::adopt_descriptor(Descriptor(NativeDescriptor{ends[1]}));
    std::size_t got = 0;
    TaskGroup group;
    when_all_blocked(group, [&] { got = drain(far); });
    const bool whole = attempt.run([&] { near.send_descriptors(descriptors, bytes("x")); });
    near.write("y");
    near.close();
    group.wait();
    expect((got == before + 2 || (!whole && got == before + 1)));
}

// ---- datagrams ----

/// Two datagram sockets, of which one soon has no room for the other: local, unlike UDP proper.
struct LocalPair {
    UdpSocket near;
    UdpSocket far;
    std::size_t waiting = 0;

    LocalPair() {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
        while (::send(ends[0], "filler", 6, MSG_DONTWAIT) == 6) {
            ++waiting;
        }
        near = UdpSocket::adopt_descriptor(Descriptor(NativeDescriptor{ends[0]}));
        far = UdpSocket::adopt_descriptor(Descriptor(NativeDescriptor{ends[1]}));
    }

    /// Takes what is there, and what comes up to the last one.
    std::size_t receive_all(std::string_view last) {
        Bytes buffer{};
        for (std::size_t count = 1;; ++count) {
            const std::size_t size = far.receive(buffer);
            if (size == last.size()) {
                return count;
            }
        }
    }
};

void send_a_datagram_without_room(Attempt& attempt) {
    LocalPair pair;
    std::size_t got = 0;
    TaskGroup group;
    when_all_blocked(group, [&] { got = pair.receive_all("last"); });
    const bool whole = attempt.run([&] { pair.near.send(bytes("hello")); });
    pair.near.send(bytes("last"));  // the socket lives on
    group.wait();
    expect((got == pair.waiting + 2 || (!whole && got == pair.waiting + 1)));
}

void send_many_without_room(Attempt& attempt) {
    LocalPair pair;
    std::size_t got = 0;
    std::size_t sent = 0;
    const std::vector<OutgoingDatagram> datagrams(3, {bytes("hello"), std::nullopt});
    TaskGroup group;
    when_all_blocked(group, [&] { got = pair.receive_all("last"); });
    const bool whole = attempt.run([&] { sent = pair.near.send_many(datagrams); });
    pair.near.send(bytes("last"));
    group.wait();
    expect((!whole || sent > 0));
    expect(got >= pair.waiting + sent + 1);
}

void receive_many(Attempt& attempt) {
    UdpSocket receiver("127.0.0.1", 0);
    UdpSocket sender = UdpSocket::connect(receiver.local_address());
    std::array<Bytes, 4> buffers{};
    std::vector<IncomingDatagram> places;
    for (Bytes& buffer : buffers) {
        places.emplace_back().buffer = buffer;
    }
    TaskGroup group;
    when_all_blocked(group, [&] {
        sender.send(bytes("one"));
        sender.send(bytes("two"));
    });
    std::size_t got = 0;
    attempt.run([&] { got = receiver.receive_many(places); });
    group.wait();
    while (got < 2) {
        got += receiver.receive_many(places);
    }
    expect(got == 2);
}

// ---- descriptors of others ----

struct Ends {
    Descriptor near;
    Descriptor far;

    Ends() {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        near = Descriptor(NativeDescriptor{ends[0]});
        far = Descriptor(NativeDescriptor{ends[1]});
    }

    static int number(const Descriptor& end) { return static_cast<int>(end.native()); }
};

void wait_until_readable(Attempt& attempt) {
    const Ends ends;
    TaskGroup group;
    when_all_blocked(group, [&] { expect(::write(Ends::number(ends.far), "x", 1) == 1); });
    attempt.run([&] { wait_readable(ends.near.native()); });
    group.wait();
    wait_readable(ends.near.native());
    char byte = 0;
    expect(::read(Ends::number(ends.near), &byte, 1) == 1);
}

void wait_until_writable(Attempt& attempt) {
    const Ends ends;
    std::array<char, 4096> chunk{};
    while (::write(Ends::number(ends.near), chunk.data(), chunk.size()) > 0) {
    }
    TaskGroup group;
    when_all_blocked(group, [&] {
        while (::read(Ends::number(ends.far), chunk.data(), chunk.size()) > 0) {
        }
    });
    attempt.run([&] { wait_writable(ends.near.native()); });
    group.wait();
    expect(::write(Ends::number(ends.near), "x", 1) == 1);
}

void wait_while_closed(Attempt& attempt) {
    Ends ends;
    TaskGroup group;
    when_all_blocked(group, [&] {
        notify_closing(ends.near.native());
        ends.near.close();
    });
    attempt.run([&] { expect_not(wait_readable(ends.near.native(), std::nothrow)); });
    group.wait();
}

constexpr Scenario scenarios[] = {
    {"call a function on another loop", call_on_another_loop},
    {"call a function on another loop that throws", call_on_another_loop_that_throws},
    {"send to another loop that waits", send_to_another_loop_that_waits},
    {"send to another loop with room", send_to_another_loop_with_room},
    {"receive from another loop", receive_from_another_loop},
    {"copy a file to a stream", copy_file_to_stream},
    {"copy a file to a file", copy_file_to_file},
    {"copy a stream to a stream", copy_stream_to_stream},
    {"copy in pieces", copy_in_pieces},
    {"accept from a pipe", accept_from_a_pipe},
    {"connect to a busy pipe", connect_to_a_busy_pipe},
    {"receive descriptors", receive_descriptors},
    {"send descriptors without room", send_descriptors_without_room},
    {"send a datagram without room", send_a_datagram_without_room},
    {"send many datagrams without room", send_many_without_room},
    {"receive many datagrams", receive_many},
    {"wait until a descriptor is readable", wait_until_readable},
    {"wait until a descriptor is writable", wait_until_writable},
    {"wait for a descriptor that is closed", wait_while_closed},
};

}  // namespace

std::span<const Scenario> transfer_scenarios() { return scenarios; }

TEST_SUITE("cancel at every step") {
    TEST_CASE("calls on other loops, copies, descriptors, datagrams and readiness") {
        const coloop::TemporaryDirectory directory;
        folder = directory.path();
        run_test([] { fs::write_file(place("data"), std::string(data_size, 'x')); });
        cancel_each(scenarios, {.order = Order::fifo});
    }
}

}  // namespace coloop::testing

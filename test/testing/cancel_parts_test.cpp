// SPDX-License-Identifier: MIT
//
// Channels, select, what many wait for, tasks and races; pipes and datagrams.
#include <array>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <coloop/after.hpp>
#include <coloop/barrier.hpp>
#include <coloop/broadcast.hpp>
#include <coloop/channel.hpp>
#include <coloop/event.hpp>
#include <coloop/join_all.hpp>
#include <coloop/latch.hpp>
#include <coloop/pipe.hpp>
#include <coloop/race.hpp>
#include <coloop/select.hpp>
#include <coloop/sleep.hpp>
#include <coloop/udp.hpp>

#include "testing/scenarios.hpp"

namespace coloop::testing {

using namespace std::chrono_literals;

namespace {

/// What is in the channel and still comes, until it is closed.
std::vector<int> receive_all(Channel<int>& channel) {
    std::vector<int> received;
    while (const std::optional<int> value = channel.receive()) {
        received.push_back(*value);
    }
    return received;
}

/// Who is cancelled has sent its value or has not; what was sent arrives once and in order.
void send_to(Attempt& attempt, std::size_t capacity) {
    Channel<int> channel(capacity);
    std::vector<int> sent;
    std::vector<int> received;
    TaskGroup group;
    when_all_blocked(group, [&] { received = receive_all(channel); });
    attempt.run([&] {
        for (int i = 1; i <= 4; ++i) {
            channel.send(i);
            sent.push_back(i);
        }
    });
    channel.close();
    group.wait();
    expect(received == sent);
}

void send_to_rendezvous(Attempt& attempt) { send_to(attempt, 0); }

void send_to_bounded(Attempt& attempt) { send_to(attempt, 2); }

/// What the cancelled one has not received is there for the next.
void receive_from(Attempt& attempt, std::size_t capacity) {
    Channel<int> channel(capacity);
    std::vector<int> received;
    TaskGroup group;
    when_all_blocked(group, [&] {
        for (int i = 1; i <= 4; ++i) {
            channel.send(i);
        }
        channel.close();
    });
    attempt.run([&] {
        while (const std::optional<int> value = channel.receive()) {
            received.push_back(*value);
        }
    });
    for (const int value : receive_all(channel)) {
        received.push_back(value);
    }
    group.wait();
    expect(received == std::vector<int>{1, 2, 3, 4});
}

void receive_from_rendezvous(Attempt& attempt) { receive_from(attempt, 0); }

void receive_from_bounded(Attempt& attempt) { receive_from(attempt, 2); }

void receive_until_closed(Attempt& attempt) {
    Channel<int> channel;
    TaskGroup group;
    when_all_blocked(group, [&] { channel.close(); });
    attempt.run([&] { expect_not(channel.receive()); });
    group.wait();
}

/// Both offers stand at once; one is taken, or none.
void select_of_two(Attempt& attempt) {
    Channel<int> in;
    Channel<int> out;
    int left = 0;
    std::optional<int> got;
    bool sent = false;
    TaskGroup group;
    when_all_blocked(group, [&] {
        left = in.try_send(7) ? 0 : 7;
        sent = out.try_receive().has_value();
    });
    const bool whole = attempt.run([&] {
        coloop::select(receive(in, [&](std::optional<int> value) { got = value; }),
                       send(out, 1, [] {}));
    });
    group.wait();
    expect(whole == (got.has_value() || sent));
    expect(got.has_value() != (left == 7));
    expect_not(got.has_value() && sent);
}

void select_with_deadline(Attempt& attempt) {
    Event event;
    Channel<int> channel;
    attempt.run([&] {
        coloop::select(wait(event, [] { FAIL_CHECK("nobody sets it"); }),
                       receive(channel, [](std::optional<int>) { FAIL_CHECK("nobody sends"); }),
                       after(1h, [] {}));
    });
}

void event_wait(Attempt& attempt) {
    Event event;
    TaskGroup group;
    when_all_blocked(group, [&] { event.set(); });
    attempt.run([&] { event.wait(); });
    group.wait();
    expect(event.is_set());
}

void latch_wait(Attempt& attempt) {
    Latch latch(2);
    TaskGroup group;
    when_all_blocked(group, [&] {
        latch.count_down();
        give_way();
        latch.count_down();
    });
    attempt.run([&] { latch.wait(); });
    group.wait();
    latch.wait();
}

/// One who is cancelled breaks it, so that the other does not wait for ever.
void barrier_wait(Attempt& attempt) {
    Barrier barrier(2);
    TaskGroup group;
    std::optional<bool> met;
    when_all_blocked(group, [&] { met = barrier.arrive_and_wait(std::nothrow).has_value(); });
    const bool whole = attempt.run([&] { barrier.arrive_and_wait(); });
    group.wait();
    expect(met == whole);
}

void broadcast_wait(Attempt& attempt) {
    Broadcast news;
    TaskGroup group;
    when_all_blocked(group, [&] { news.notify(); });
    attempt.run([&] { news.wait(); });
    group.wait();
}

void task_join(Attempt& attempt) {
    TaskGroup group;
    auto task = group.spawn([] {
        co_sleep(1h);
        return 7;
    });
    attempt.run([&] { expect(task.join() == 7); });
    group.wait();
}

void task_cancel(Attempt& attempt) {
    attempt.run([&] {
        TaskGroup group;
        auto task = group.spawn([] { co_sleep(9h); });
        give_way();
        task.cancel();
        group.wait();
    });
}

void race_of_three(Attempt& attempt) {
    int ended = 0;
    const auto runner = [&](int hours) {
        struct Count {
            int& number;
            ~Count() { ++number; }
        } const count{ended};
        co_sleep(std::chrono::hours(hours));
        return hours;
    };
    const bool whole = attempt.run([&] {
        expect(race([&] { return runner(3); }, [&] { return runner(1); },
                    [&] { return runner(2); }) == 1);
    });
    expect((!whole || ended == 3));
}

void join_all_of_two(Attempt& attempt) {
    attempt.run([&] { join_all([] { co_sleep(1h); }, [] { co_sleep(2h); }); });
}

void checkpoints(Attempt& attempt) {
    attempt.run([] {
        for (int i = 0; i < 3; ++i) {
            checkpoint();
        }
    });
}

void pipe_read_and_write(Attempt& attempt) {
    auto [near, far] = pipe_pair();
    const std::vector<std::byte> bytes(500'000);
    std::size_t got = 0;
    TaskGroup group;
    when_all_blocked(group, [&far = far, &got] {
        std::vector<std::byte> buffer(64 * 1024);
        while (const std::size_t count = far.read(buffer)) {
            got += count;
        }
    });
    const bool whole = attempt.run([&near = near, &bytes] { near.write(bytes); });
    near.close();
    group.wait();
    expect((!whole || got == bytes.size()));
}

void datagram(Attempt& attempt) {
    UdpSocket receiver("127.0.0.1", 0);
    UdpSocket sender = UdpSocket::connect(receiver.local_address());
    std::array<std::byte, 8> buffer{};
    TaskGroup group;
    when_all_blocked(group,
                     [&] { sender.send(std::as_bytes(std::span(std::string_view("hello")))); });
    std::size_t got = 0;
    attempt.run([&] { got = receiver.receive(buffer); });
    group.wait();
    if (got == 0) {  // it was not lost with the one who was cancelled
        got = receiver.receive(buffer);
    }
    expect(got == 5);
}

constexpr Scenario scenarios[] = {
    {"send to a channel without room", send_to_rendezvous},
    {"send to a bounded channel", send_to_bounded},
    {"receive from a channel without room", receive_from_rendezvous},
    {"receive from a bounded channel", receive_from_bounded},
    {"receive from a channel that is closed", receive_until_closed},
    {"select of two that come at once", select_of_two},
    {"select with a deadline", select_with_deadline},
    {"wait for an event", event_wait},
    {"wait for a latch", latch_wait},
    {"wait at a barrier", barrier_wait},
    {"wait for a broadcast", broadcast_wait},
    {"join a task", task_join},
    {"cancel a task", task_cancel},
    {"race", race_of_three},
    {"join all", join_all_of_two},
    {"checkpoints", checkpoints},
    {"write to a pipe", pipe_read_and_write},
    {"receive a datagram", datagram},
};

}  // namespace

std::span<const Scenario> part_scenarios() { return scenarios; }

TEST_SUITE("cancel at every step") {
    TEST_CASE("channels, tasks, pipes and datagrams") {
        cancel_each(scenarios, {.order = Order::fifo});
    }
}

}  // namespace coloop::testing

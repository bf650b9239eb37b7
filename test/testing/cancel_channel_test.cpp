// SPDX-License-Identifier: MIT
//
// Each way to wait at a channel, in a select, and where coroutines meet, cancelled at every step:
// nothing is lost or delivered twice, nobody is left, and every lock is free.
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <coloop/after.hpp>
#include <coloop/barrier.hpp>
#include <coloop/broadcast.hpp>
#include <coloop/channel.hpp>
#include <coloop/co_mutex.hpp>
#include <coloop/completion.hpp>
#include <coloop/event.hpp>
#include <coloop/latch.hpp>
#include <coloop/select.hpp>
#include <coloop/task_group.hpp>
#include <coloop/testing.hpp>
#include <coloop/timeout.hpp>

namespace coloop::testing {

namespace {

using namespace std::chrono_literals;
using Value = std::unique_ptr<int>;

/// Calls `function()` in a coroutine of the group once all others wait.
template <typename Function>
void when_all_blocked(TaskGroup& group, Function function) {
    group.spawn([function] {
        wait_until_all_blocked();
        function();
    });
}

void send(Attempt& attempt) {
    Channel<Value> channel;
    Value value = std::make_unique<int>(1);
    std::optional<Value> received;
    TaskGroup group;
    when_all_blocked(group, [&] { received = channel.try_receive(); });
    const bool whole = attempt.run([&] { channel.send(std::move(value)); });
    group.wait();
    CHECK(whole == received.has_value());
    CHECK(whole == (value == nullptr));
}

void send_to_full(Attempt& attempt) {
    Channel<Value> channel(1);
    CHECK(channel.try_send(std::make_unique<int>(0)));
    Value value = std::make_unique<int>(1);
    TaskGroup group;
    when_all_blocked(group, [&] { CHECK(**channel.try_receive() == 0); });
    const bool whole = attempt.run([&] { channel.send(std::move(value)); });
    group.wait();
    CHECK(whole == (channel.size() == 1));
    CHECK(whole == (value == nullptr));
}

void send_beside_another(Attempt& attempt) {
    Channel<int> channel;
    int received = 0;
    TaskGroup group;
    group.spawn([&] { channel.send(10); });
    when_all_blocked(group, [&] {
        while (const std::optional<int> value = channel.try_receive()) {
            received += *value;
        }
    });
    const bool whole = attempt.run([&] { channel.send(1); });
    group.wait();
    CHECK(received == (whole ? 11 : 10));
}

void send_until_closed(Attempt& attempt) {
    Channel<Value> channel;
    Value value = std::make_unique<int>(1);
    TaskGroup group;
    when_all_blocked(group, [&] { channel.close(); });
    bool refused = false;
    const bool whole = attempt.run([&] {
        try {
            channel.send(std::move(value));
        } catch (const Error&) {
            refused = true;
        }
    });
    group.wait();
    CHECK(whole == refused);
    CHECK(value != nullptr);
}

void receive(Attempt& attempt) {
    Channel<Value> channel;
    bool sent = false;
    std::optional<Value> received;
    TaskGroup group;
    when_all_blocked(group, [&] { sent = channel.try_send(std::make_unique<int>(1)); });
    const bool whole = attempt.run([&] { received = channel.receive(); });
    group.wait();
    CHECK(whole == sent);
    CHECK(whole == received.has_value());
}

void receive_beside_another(Attempt& attempt) {
    Channel<int> channel;
    std::optional<int> mine;
    std::optional<int> other;
    TaskGroup group;
    group.spawn([&] { other = channel.receive(); });
    when_all_blocked(group, [&] {
        CHECK(channel.try_send(1));
        channel.close();
    });
    attempt.run([&] { mine = channel.receive(); });
    group.wait();
    CHECK(mine.has_value() != other.has_value());
}

void loop_over(Attempt& attempt) {
    Channel<int> channel(1);
    int sent = 0;
    int received = 0;
    TaskGroup group;
    group.spawn([&] {
        while (sent < 3 && channel.send(1, std::nothrow)) {
            ++sent;
        }
        channel.close();
    });
    const bool whole = attempt.run([&] {
        for (const int value : channel) {
            received += value;
        }
    });
    channel.close();
    group.wait();
    CHECK(sent == received + static_cast<int>(channel.size()));
    CHECK((!whole || received == 3));
}

void select_one_of_many(Attempt& attempt) {
    Channel<int> in;
    Channel<int> out;
    Event event;
    CoQueue queue;
    bool sent = false;
    std::string seen;
    TaskGroup group;
    when_all_blocked(group, [&] { sent = in.try_send(7); });
    const bool whole = attempt.run([&] {
        select(receive(in, [&](std::optional<int> value) { seen = std::to_string(*value); }),
               send(out, 1, [&] { seen = "sent"; }), wait(event, [&] { seen = "event"; }),
               wait(queue, [&] { seen = "queue"; }), after(1h, [&] { seen = "late"; }));
    });
    group.wait();
    CHECK(whole == sent);
    CHECK(seen == (whole ? "7" : ""));
    CHECK_FALSE(out.try_receive().has_value());
    CHECK_FALSE(queue.wake_one());
}

void select_deadline(Attempt& attempt) {
    Event event;
    bool late = false;
    const bool whole =
        attempt.run([&] { select(wait(event, [] {}), after(1h, [&] { late = true; })); });
    CHECK(whole == late);
}

void select_at_both_ends(Attempt& attempt) {
    Channel<int> channel;
    int sent = 0;
    int received = 0;
    TaskGroup group;
    const auto meet = [&] {
        select(receive(channel, [&](std::optional<int> value) { received += *value; }),
               send(channel, 1, [&] { ++sent; }));
    };
    group.spawn([&] { move_on_after(1h, meet); });
    attempt.run(meet);
    group.wait();
    CHECK(sent == received);
}

void select_completion(Attempt& attempt) {
    Completion<int> completion;
    Event event;
    int value = 0;
    TaskGroup group;
    when_all_blocked(group, [&] { completion.set(5); });
    const bool whole = attempt.run(
        [&] { select(wait(completion, [&](int result) { value = result; }), wait(event, [] {})); });
    group.wait();
    CHECK(value == (whole ? 5 : 0));
    CHECK(completion.is_set());
}

void event_wait(Attempt& attempt) {
    Event event;
    int woken = 0;
    TaskGroup group;
    const auto wait = [&] {
        event.wait();
        ++woken;
    };
    group.spawn(wait);
    when_all_blocked(group, [&] { event.set(); });
    const bool whole = attempt.run(wait);
    group.wait();
    CHECK(woken == (whole ? 2 : 1));
}

void latch_wait(Attempt& attempt) {
    Latch latch(2);
    TaskGroup group;
    group.spawn([&] { latch.wait(); });
    when_all_blocked(group, [&] { latch.count_down(latch.count()); });
    attempt.run([&] { latch.arrive_and_wait(); });
    group.wait();
    CHECK(latch.try_wait());
}

void barrier_wait(Attempt& attempt) {
    Barrier barrier(2);
    bool met = false;
    TaskGroup group;
    group.spawn([&] { met = barrier.arrive_and_wait(std::nothrow).has_value(); });
    give_way();
    const bool whole = attempt.run([&] {
        give_way();
        barrier.arrive_and_wait();
        barrier.arrive_and_drop();
    });
    if (!whole && !barrier.broken()) {
        barrier.arrive_and_drop();  // it never came
    }
    group.wait();
    CHECK((met || barrier.broken()));
}

void barrier_waits_for_another(Attempt& attempt) {
    Barrier barrier(2);
    bool met = false;
    TaskGroup group;
    when_all_blocked(group, [&] { met = barrier.arrive_and_wait(std::nothrow).has_value(); });
    const bool whole = attempt.run([&] { barrier.arrive_and_wait(); });
    group.wait();
    CHECK(whole == met);
    CHECK(whole != barrier.broken());
}

void broadcast_wait(Attempt& attempt) {
    Broadcast changed;
    CoMutex mutex;
    bool ready = false;
    bool held = true;
    TaskGroup group;
    when_all_blocked(group, [&] {
        changed.notify();
        give_way();
        ready = true;
        changed.notify();
    });
    const bool whole = attempt.run([&] {
        std::unique_lock lock(mutex);
        try {
            changed.wait(lock, [&] { return ready; });
        } catch (const Cancelled&) {
            held = mutex.held_by_me();
            throw;
        }
    });
    group.wait();
    CHECK(held);
    CHECK((!whole || ready));
    CHECK(mutex.try_lock());
    mutex.unlock();
}

struct Scenario {
    const char* name;
    void (*run)(Attempt& attempt);
};

constexpr Scenario scenarios[] = {
    {"send to a channel", send},
    {"send to a full channel", send_to_full},
    {"send beside another sender", send_beside_another},
    {"send to a channel that gets closed", send_until_closed},
    {"receive from a channel", receive},
    {"receive beside another receiver", receive_beside_another},
    {"loop over a channel", loop_over},
    {"select one of many", select_one_of_many},
    {"select a deadline", select_deadline},
    {"select at both ends of a channel", select_at_both_ends},
    {"select a completion", select_completion},
    {"wait for an event", event_wait},
    {"arrive at a latch", latch_wait},
    {"arrive last at a barrier", barrier_wait},
    {"arrive first at a barrier", barrier_waits_for_another},
    {"wait for a broadcast with a lock", broadcast_wait},
};

}  // namespace

TEST_SUITE("cancel at every step") {
    TEST_CASE("channels, select, and where coroutines meet, in twenty orders each") {
        for (const Scenario& scenario : scenarios) {
            CAPTURE(scenario.name);
            for (std::uint64_t seed = 1; seed <= 20; ++seed) {
                CAPTURE(seed);
                CHECK(cancel_at_every_step({.seed = seed}, scenario.run) >= 3);
            }
        }
    }
}

}  // namespace coloop::testing

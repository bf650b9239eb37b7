// SPDX-License-Identifier: MIT
//
// The problems that textbooks know, each under thousands of seeds that say who pauses where, who
// runs when, and who is cancelled.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/channel.hpp>
#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/co_semaphore.hpp>
#include <coloop/coroutine.hpp>

#include "support/cancellable.hpp"
#include "support/effort.hpp"
#include "support/random.hpp"

using namespace coloop;

namespace {

/// Coroutines that pause now and then, and somebody who lets them go on or cancels them.
class Crowd {
public:
    explicit Crowd(std::uint64_t seed) : random(seed) {}

    /// Starts one, with its number.
    void add(std::function<void(std::size_t)> body) {
        const std::size_t id = members_.size();
        pauses_.emplace_back();
        members_.push_back(nullptr);
        members_.back() = std::make_unique<Cancellable>([body = std::move(body), id] { body(id); });
    }

    /// Sometimes stops the calling member for a while.
    void pause(std::size_t id) {
        if (random.one_in(2)) {
            pauses_[id].wait();
        }
    }

    [[nodiscard]] bool cut_short(std::size_t id) const { return members_[id]->cut_short(); }

    /// True if all end, with `act()` called between their steps.
    template <typename Act>
    bool run(Act act) {
        for (int step = 0; step < 2'000; ++step) {
            const std::size_t id = random.below(members_.size());
            if (random.one_in(40)) {
                members_[id]->cancel();
            }
            pauses_[id].wake_one();
            act();
            if (random.one_in(2)) {
                run_ready();
            }
            if (std::all_of(members_.begin(), members_.end(),
                            [](const auto& member) { return member->done(); })) {
                return true;
            }
        }
        return false;
    }

    bool run() {
        return run([] {});
    }

    Random random;

private:
    std::deque<CoQueue> pauses_;
    std::vector<std::unique_ptr<Cancellable>> members_;
};

bool philosophers_dine(std::uint64_t seed) {
    constexpr std::size_t seats = 5;
    Crowd crowd(seed);
    std::array<CoMutex, seats> forks;
    std::array<bool, seats> eats{};
    std::array<int, seats> meals{};
    bool holds = true;
    for (std::size_t i = 0; i < seats; ++i) {
        crowd.add([&](std::size_t id) {
            const std::size_t other = (id + 1) % seats;
            while (meals[id] < 3) {
                crowd.pause(id);
                const std::lock_guard first(forks[std::min(id, other)]);
                crowd.pause(id);
                const std::lock_guard second(forks[std::max(id, other)]);
                holds = holds && !eats[other] && !eats[(id + seats - 1) % seats];

                struct Eating {
                    bool& flag;

                    explicit Eating(bool& who) : flag(who) { flag = true; }

                    ~Eating() { flag = false; }
                } const eating(eats[id]);

                crowd.pause(id);
                ++meals[id];
            }
        });
    }
    holds = crowd.run() && holds;
    for (std::size_t id = 0; id < seats; ++id) {
        holds = holds && (crowd.cut_short(id) || meals[id] == 3);
    }
    return holds;  // a fork that was not free again would be misuse
}

/// Of a mutex and two queues, which is where wakes get lost if anywhere.
class BoundedBuffer {
public:
    void put(int item) {
        std::unique_lock lock(mutex_);
        not_full_.wait(lock, [&] { return items_.size() < capacity; });
        items_.push_back(item);
        not_empty_.wake_one();
    }

    std::optional<int> take() {
        std::unique_lock lock(mutex_);
        not_empty_.wait(lock, [&] { return closed_ || !items_.empty(); });
        if (items_.empty()) {
            return std::nullopt;
        }
        const int item = items_.front();
        items_.pop_front();
        not_full_.wake_one();
        return item;
    }

    void close() {
        closed_ = true;
        not_empty_.wake_all();
    }

    [[nodiscard]] std::size_t size() const { return items_.size(); }

    static constexpr std::size_t capacity = 2;

private:
    std::deque<int> items_;
    CoMutex mutex_;
    CoQueue not_full_;
    CoQueue not_empty_;
    bool closed_ = false;
};

bool buffer_keeps_all(std::uint64_t seed) {
    constexpr std::size_t producers = 3;
    constexpr std::size_t consumers = 3;
    Crowd crowd(seed);
    BoundedBuffer buffer;
    std::size_t put = 0;
    std::size_t taken = 0;
    std::size_t at_work = producers + consumers;
    std::size_t producing = producers;
    std::size_t consuming = consumers;
    bool holds = true;
    // Who is left alone by the last of the other side must not wait for ever.
    const auto leaves = [&](std::size_t& side) {
        --side;
        --at_work;
        if (producing == 0) {
            buffer.close();
        }
    };
    for (std::size_t i = 0; i < producers; ++i) {
        crowd.add([&](std::size_t id) {
            try {
                for (int k = 0; k < 4; ++k) {
                    crowd.pause(id);
                    if (consuming == 0 && buffer.size() == BoundedBuffer::capacity) {
                        break;
                    }
                    buffer.put(k);
                    ++put;
                    holds = holds && buffer.size() <= BoundedBuffer::capacity;
                }
            } catch (const Cancelled&) {
            }
            leaves(producing);
        });
    }
    for (std::size_t i = 0; i < consumers; ++i) {
        crowd.add([&](std::size_t id) {
            try {
                while (buffer.take()) {
                    ++taken;
                    crowd.pause(id);
                }
            } catch (const Cancelled&) {
            }
            leaves(consuming);
        });
    }
    // Once all consumers are cancelled, somebody has to make room.
    const bool all_ended = crowd.run([&] {
        if (consuming == 0 && buffer.size() > 0) {
            Cancellable drain([&] { taken += buffer.take() ? 1U : 0U; });
            run_ready();
            holds = holds && drain.done();
        }
    });
    return holds && all_ended && at_work == 0 && put == taken + buffer.size();
}

/// One permit for each tick of a clock, so many in store, to whoever has waited longest.
bool limiter_is_exact(std::uint64_t seed) {
    constexpr std::size_t burst = 3;
    Crowd crowd(seed);
    CoSemaphore permits(burst);
    std::size_t issued = burst;
    std::size_t granted = 0;
    std::deque<std::size_t> asking;
    bool holds = true;
    for (std::size_t i = 0; i < 6; ++i) {
        crowd.add([&](std::size_t id) {
            for (int k = 0; k < 3; ++k) {
                crowd.pause(id);
                asking.push_back(id);
                try {
                    permits.acquire();
                } catch (const Cancelled&) {
                    std::erase(asking, id);
                    throw;
                }
                ++granted;
                std::erase(asking, id);
            }
        });
    }
    const bool all_ended = crowd.run([&] {
        if (crowd.random.one_in(3) && permits.available() < burst) {
            ++issued;
            permits.release();
        }
        holds = holds && granted + permits.available() <= issued && permits.available() <= burst;
    });
    return holds && all_ended && asking.empty() && granted + permits.available() == issued;
}

/// Connections that are lent, with a channel for those that nobody has.
bool pool_lends_each_to_one(std::uint64_t seed) {
    constexpr std::size_t connections = 2;
    using Connection = std::unique_ptr<std::size_t>;
    Crowd crowd(seed);
    Channel<Connection> idle(connections);
    std::array<bool, connections> lent{};
    bool holds = true;
    for (std::size_t i = 0; i < connections; ++i) {
        holds = idle.try_send(std::make_unique<std::size_t>(i)) && holds;
    }

    struct Lease {
        Channel<Connection>& home;
        std::array<bool, connections>& lent;
        Connection connection;

        ~Lease() {
            lent[*connection] = false;
            static_cast<void>(home.try_send(std::move(connection)));
        }
    };

    for (std::size_t i = 0; i < 6; ++i) {
        crowd.add([&](std::size_t id) {
            for (int k = 0; k < 3; ++k) {
                crowd.pause(id);
                const Lease lease{idle, lent, *idle.receive()};
                holds = holds && !std::exchange(lent[*lease.connection], true);
                crowd.pause(id);
            }
        });
    }
    return crowd.run() && holds && idle.size() == connections;
}

}  // namespace

TEST_SUITE("classic problems") {
    TEST_CASE("philosophers eat, no two neighbours at once, and put down their forks") {
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            CAPTURE(seed);
            CHECK(philosophers_dine(seed));
        }
    }

    TEST_CASE("a buffer of a mutex and two queues keeps all that cancelled coroutines put") {
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            CAPTURE(seed);
            CHECK(buffer_keeps_all(seed));
        }
    }

    TEST_CASE("a rate limiter grants what was issued, whoever gives up waiting") {
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            CAPTURE(seed);
            CHECK(limiter_is_exact(seed));
        }
    }

    TEST_CASE("a pool lends each connection to one at a time, and has all back in the end") {
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            CAPTURE(seed);
            CHECK(pool_lends_each_to_one(seed));
        }
    }
}

// SPDX-License-Identifier: MIT
#include "loop/deadline_queue.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <vector>

#include <doctest/doctest.h>

#include "support/random.hpp"

using coloop::Deadline;
using coloop::DeadlineQueue;

namespace {

using Order = std::vector<int>;

/// Notes its number when it expires.
class Noted final : public Deadline {
public:
    Noted(int number, Order& order) : number_(number), order_(order) {}

private:
    void expire() noexcept override { order_.push_back(number_); }

    int number_;
    Order& order_;
};

}  // namespace

TEST_SUITE("DeadlineQueue") {
    TEST_CASE("expires deadlines in the order of their time and not of their adding") {
        Order order;
        DeadlineQueue queue;
        Noted a(1, order);
        Noted b(2, order);
        Noted c(3, order);
        queue.add(b, 20);
        queue.add(c, 30);
        queue.add(a, 10);

        CHECK(queue.next() == 10);
        CHECK(queue.expire(std::numeric_limits<std::uint64_t>::max()) == 3);
        CHECK(order == Order{1, 2, 3});
        CHECK(queue.empty());
    }

    TEST_CASE("expires equal deadlines in the order in which they were added") {
        Order order;
        DeadlineQueue queue;
        std::vector<std::unique_ptr<Noted>> all;
        Order expected;
        for (int i = 0; i < 1000; ++i) {
            all.push_back(std::make_unique<Noted>(i, order));
            queue.add(*all.back(), 7);
            expected.push_back(i);
        }
        queue.expire(7);
        CHECK(order == expected);
    }

    TEST_CASE("expires a deadline at its very moment and not before") {
        Order order;
        DeadlineQueue queue;
        Noted a(1, order);
        queue.add(a, 100);
        CHECK(queue.expire(99) == 0);
        CHECK(a.is_set());
        CHECK(queue.expire(100) == 1);
        CHECK(!a.is_set());
    }

    TEST_CASE("a deadline that was taken out does not expire and may be added again") {
        Order order;
        DeadlineQueue queue;
        Noted a(1, order);
        Noted b(2, order);
        queue.add(a, 10);
        queue.add(b, 20);
        queue.remove(a);
        CHECK(!a.is_set());
        CHECK(queue.next() == 20);
        queue.add(a, 30);
        queue.expire(30);
        CHECK(order == Order{2, 1});
    }

    TEST_CASE("any one of many can be taken out without disturbing the others") {
        constexpr int count = 60;
        for (int removed = 0; removed < count; ++removed) {
            Order order;
            DeadlineQueue queue;
            std::vector<std::unique_ptr<Noted>> all;
            Order expected;
            for (int i = 0; i < count; ++i) {
                all.push_back(std::make_unique<Noted>(i, order));
            }
            for (int i = 0; i < count; ++i) {  // in an order that is neither up nor down
                const int number = i * 37 % count;
                queue.add(*all[static_cast<std::size_t>(number)],
                          static_cast<std::uint64_t>(number));
            }
            queue.remove(*all[static_cast<std::size_t>(removed)]);
            for (int i = 0; i < count; ++i) {
                if (i != removed) {
                    expected.push_back(i);
                }
            }
            queue.expire(count);
            CHECK(order == expected);
        }
    }

    TEST_CASE("a deadline may add another one while it expires") {
        class Chain final : public Deadline {
        public:
            Chain(DeadlineQueue& queue, int& count) : queue_(queue), count_(count) {}

        private:
            void expire() noexcept override {
                ++count_;
                queue_.add(*this, 50);
            }

            DeadlineQueue& queue_;
            int& count_;
        };

        DeadlineQueue queue;
        int count = 0;
        Chain chain(queue, count);
        queue.add(chain, 10);
        CHECK(queue.expire(20) == 1);
        CHECK(count == 1);
        CHECK(queue.next() == 50);
        queue.remove(chain);
    }

    TEST_CASE("does the same as a std::multimap whatever is added, removed and expired") {
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
            CAPTURE(seed);
            coloop::Random random(seed);
            Order order;
            DeadlineQueue queue;
            std::vector<std::unique_ptr<Noted>> all;
            for (int i = 0; i < 200; ++i) {
                all.push_back(std::make_unique<Noted>(i, order));
            }
            std::multimap<std::uint64_t, int> model;  // keeps equal keys in the order of adding
            std::vector<std::multimap<std::uint64_t, int>::iterator> places(all.size());

            std::uint64_t now = 0;
            for (int step = 0; step < 5000; ++step) {
                const std::size_t which = random.below(all.size());
                Noted& deadline = *all[which];
                if (random.one_in(10)) {
                    now += random.below(8);
                    Order expected;
                    while (!model.empty() && model.begin()->first <= now) {
                        expected.push_back(model.begin()->second);
                        model.erase(model.begin());
                    }
                    order.clear();
                    REQUIRE(queue.expire(now) == expected.size());
                    REQUIRE(order == expected);
                } else if (deadline.is_set()) {
                    queue.remove(deadline);
                    model.erase(places[which]);
                } else {
                    const std::uint64_t when = now + random.below(50);
                    queue.add(deadline, when);
                    places[which] = model.emplace(when, static_cast<int>(which));
                }
                REQUIRE(queue.size() == model.size());
                if (!model.empty()) {
                    REQUIRE(queue.next() == model.begin()->first);
                }
            }
        }
    }
}

// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

void take_orders(coloop::Channel<int>& orders) {
    for (int order = 1; order <= 6; ++order) {
        orders.send(order);
    }
    orders.close();
}

void cook(const char* name, coloop::Channel<int>& orders, coloop::Channel<std::string>& counter) {
    for (const int order : orders) {  // until it is closed and drained
        coloop::co_sleep(50ms);
        counter.send(fmt::format("{}: dish {}", name, order));
    }
}

void eat(coloop::Channel<std::string>& counter) {
    bool open = true;
    while (open) {
        coloop::select(coloop::receive(counter,
                                       [&](std::optional<std::string> dish) {
                                           open = dish.has_value();
                                           fmt::print("{}\n", open ? *dish : "that was all");
                                       }),
                       coloop::after(20ms, [] { fmt::print("still hungry\n"); }));
    }
}

int main() {
    return coloop::run([] {
        coloop::Channel<int> orders;
        coloop::Channel<std::string> counter(2);
        coloop::TaskGroup house;
        house.spawn([&] { take_orders(orders); });
        house.spawn([&] {
            coloop::TaskGroup kitchen;
            kitchen.spawn([&] { cook("Ada", orders, counter); });
            kitchen.spawn([&] { cook("Ben", orders, counter); });
            kitchen.wait();
            counter.close();  // after the last cook has gone, nothing comes any more
        });
        eat(counter);
        house.wait();
    });
}

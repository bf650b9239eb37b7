// SPDX-License-Identifier: MIT
//
// What the tutorial's step 8 lets the reader write before there are channels.
#include <deque>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

void take_orders(std::deque<int>& orders) {
    for (int order = 1; order <= 6; ++order) {
        coloop::co_sleep(10ms);
        orders.push_back(order);
    }
}

void cook(const char* name, std::deque<int>& orders) {
    while (!orders.empty()) {
        const int order = orders.front();
        orders.pop_front();
        coloop::co_sleep(50ms);
        fmt::print("{}: dish {}\n", name, order);
    }
    fmt::print("{}: nothing to do, so I go home\n", name);
}

int main() {
    return coloop::run([] {
        std::deque<int> orders;
        coloop::TaskGroup house;
        house.spawn([&] { cook("Ada", orders); });
        house.spawn([&] { cook("Ben", orders); });
        house.spawn([&] { take_orders(orders); });
        house.wait();
        fmt::print("orders that nobody cooks: {}\n", orders.size());
    });
}

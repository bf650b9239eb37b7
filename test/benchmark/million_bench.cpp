// SPDX-License-Identifier: MIT
//
// A million coroutines suspended at once, each with its guard, on default system settings: what
// they take of memory and mappings, and whether that stays the same from round to round.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include <coloop/co_queue.hpp>
#include <coloop/loop.hpp>

namespace {

long status_kib(const char* field) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(field)) {
            return std::atol(line.c_str() + std::strlen(field) + 1);
        }
    }
    return 0;
}

long mappings() {
    std::ifstream maps("/proc/self/maps");
    long count = 0;
    for (std::string line; std::getline(maps, line);) {
        ++count;
    }
    return count;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void run_round(int round, long count, std::size_t stack_size) {
    const long rss = status_kib("VmRSS:");
    const long tables = status_kib("VmPTE:");
    coloop::Loop loop;
    coloop::CoQueue queue;
    const auto begin = std::chrono::steady_clock::now();
    for (long i = 0; i < count; ++i) {
        loop.spawn([&queue] { queue.wait(); }, {.stack_size = stack_size});
    }
    double created = 0;
    loop.spawn([&] {
        created = seconds_since(begin);
        std::printf(
            "round %d: created in %.2f s, %ld mappings, %.0f B each resident + %.0f B of "
            "page tables",
            round, created, mappings(),
            static_cast<double>(status_kib("VmRSS:") - rss) * 1024 / static_cast<double>(count),
            static_cast<double>(status_kib("VmPTE:") - tables) * 1024 / static_cast<double>(count));
        queue.wake_all();
    });
    const auto before_run = std::chrono::steady_clock::now();
    loop.run();
    std::printf(", all run and ended in %.2f s\n", seconds_since(before_run));
}

}  // namespace

int main(int argc, char** argv) {
    const long count = argc > 1 ? std::atol(argv[1]) : 1'000'000;
    const std::size_t stack_size =
        argc > 2 ? static_cast<std::size_t>(std::atol(argv[2])) : coloop::default_stack_size;
    std::printf("%ld coroutines with %zu KiB of address space each\n", count, stack_size / 1024);
    for (int round = 1; round <= 3; ++round) {
        run_round(round, count, stack_size);
    }
}

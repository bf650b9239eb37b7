// SPDX-License-Identifier: MIT
//
// Very many coroutines asleep at once: what they take of memory, and how long it takes to put them
// to sleep and to wake or cancel them.
#include <chrono>
#include <csignal>
#include <cstdint>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <coloop/coloop.hpp>

#include "memory.hpp"

namespace sleepers {

namespace {

struct Settings {
    std::int64_t size = 1'000'000;
    std::size_t stack_size = coloop::default_stack_size;
    bool cancel = false;
};

/// What has become of the sleepers.
struct Count {
    std::int64_t asleep = 0;
    std::int64_t woken = 0;
    std::int64_t cancelled = 0;
    std::int64_t latest = 0;
    bool in_order = true;
};

template <typename Function>
double seconds_for(Function&& function) {
    const auto begin = std::chrono::steady_clock::now();
    std::forward<Function>(function)();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void sleep_until(coloop::Clock& clock, std::int64_t moment, Count& count) {
    ++count.asleep;
    try {
        coloop::sleep_by(clock, moment);
    } catch (const coloop::Cancelled&) {
        ++count.cancelled;
        throw;
    }
    ++count.woken;
    count.in_order = count.in_order && moment >= count.latest;
    count.latest = moment;
}

/// Numbers from 1 to `size`, far from in order; all of them unless `size` is a multiple of the
/// prime.
std::int64_t shuffled(std::int64_t i, std::int64_t size) { return i * 999'983 % size + 1; }

void print_memory(const Memory& before, const Memory& after, std::int64_t size) {
    const auto each = [size](std::int64_t bytes) {
        return static_cast<double>(bytes) / static_cast<double>(size);
    };
    fmt::print("resident            {:8.0f} bytes each\n", each(after.resident - before.resident));
    fmt::print("page tables         {:8.0f} bytes each\n", each(after.tables - before.tables));
    fmt::print("mappings            {:8} in all\n", after.mappings - before.mappings);
}

int run(const Settings& settings) {
    coloop::VirtualClock clock(coloop::VirtualClock::State::paused);
    Count count;
    const Memory before = memory_now();
    coloop::TaskGroup group;
    const double falling_asleep = seconds_for([&] {
        for (std::int64_t i = 0; i < settings.size; ++i) {
            const std::int64_t moment = shuffled(i, settings.size);
            group.spawn([&clock, &count, moment] { sleep_until(clock, moment, count); },
                        {.stack_size = settings.stack_size});
        }
        while (count.asleep < settings.size) {
            coloop::checkpoint();
        }
    });
    fmt::print("{} coroutines asleep\n", settings.size);
    print_memory(before, memory_now(), settings.size);
    fmt::print("falling asleep      {:8.3f} s\n", falling_asleep);
    const double ending = seconds_for([&] {
        if (settings.cancel) {
            group.cancel();
        } else {
            clock.advance(settings.size);
        }
        group.wait();
    });
    fmt::print("{} {:8.3f} s\n", settings.cancel ? "being cancelled    " : "waking in order    ",
               ending);
    const std::int64_t ended = settings.cancel ? count.cancelled : count.woken;
    return ended == settings.size && count.in_order ? 0 : 1;
}

}  // namespace

}  // namespace sleepers

int main(int argc, char** argv) {
    sleepers::Settings settings;
    CLI::App options("Puts coroutines to sleep, and tells what that takes.");
    options.add_option("--size", settings.size, "How many")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{100'000'000}))
        ->capture_default_str();
    options.add_option("--stack-size", settings.stack_size, "Bytes of address space for each")
        ->check(CLI::Range(std::size_t{16384}, std::size_t{1} << 30))
        ->capture_default_str();
    options.add_flag("--cancel", settings.cancel, "Cancel them instead of waking them in order");
    CLI11_PARSE(options, argc, argv);
    return coloop::run([&] { return sleepers::run(settings); },
                       coloop::shutdown_on({SIGINT, SIGTERM}));
}

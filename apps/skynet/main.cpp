// SPDX-License-Identifier: MIT
//
// A tree of coroutines: each spawns ten, and those ten each, until there are as many leaves as
// there are numbers to add up.
#include <chrono>
#include <cstdint>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <coloop/coloop.hpp>

namespace {

constexpr std::int64_t children = 10;

/// The sum of `size` numbers from `first` on.
std::int64_t sum_of(std::int64_t first, std::int64_t size) {
    if (size == 1) {
        return first;
    }
    const std::int64_t part = size / children;
    std::int64_t sum = 0;
    coloop::TaskGroup group;
    for (std::int64_t child = 0; child < children; ++child) {
        group.spawn([&sum, begin = first + child * part, part] {
            const std::int64_t of_child = sum_of(begin, part);  // may wait, so not within the +=
            sum += of_child;
        });
    }
    group.wait();
    return sum;
}

int skynet(std::int64_t size) {
    const auto begin = std::chrono::steady_clock::now();
    const std::int64_t sum = sum_of(0, size);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    fmt::print("{} in {:.3f} s\n", sum, took.count());
    return sum == size * (size - 1) / 2 ? 0 : 1;
}

std::string power_of_ten(const std::string& text) {
    const bool right = !text.empty() && text.size() <= 10 && text.front() == '1' &&
                       text.find_first_not_of('0', 1) == std::string::npos;
    return right ? "" : "must be a power of ten, 1,000,000,000 at the most";
}

}  // namespace

int main(int argc, char** argv) {
    std::int64_t size = 1'000'000;
    CLI::App options("Adds up the numbers below --size, with a coroutine for each of them.");
    options.add_option("--size", size, "How many: 1, 10, 100, ...")
        ->check(CLI::Validator(power_of_ten, "POWER OF TEN"))
        ->capture_default_str();
    CLI11_PARSE(options, argc, argv);
    return coloop::run([&] { return skynet(size); });
}

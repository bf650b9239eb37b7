// SPDX-License-Identifier: MIT
//
// Measures contestants against a baseline in one process: each round runs all of them in turn, so
// that a noisy neighbour or a changing clock hits them alike, and what counts is the median over
// rounds of the ratio to the baseline of the same round.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <unistd.h>

namespace bench {

/// Keeps the compiler from dropping what leads to `value`.
template <typename T>
void keep(const T& value) {
    asm volatile("" : : "g"(&value) : "memory");
}

inline double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

struct Contestant {
    std::string name;
    long operations;  ///< per round
    std::function<void(long)> run;
    std::vector<double> nanoseconds = {};  ///< per operation, by round
};

class Group {
public:
    /// The first contestant that is added is the baseline.
    void add(std::string name, long operations, std::function<void(long)> run) {
        contestants_.push_back({std::move(name), operations, std::move(run)});
    }

    void run(int rounds) {
        for (Contestant& contestant : contestants_) {
            contestant.run(contestant.operations / 10 + 1);  // warms up
        }
        for (int round = 0; round < rounds; ++round) {
            for (Contestant& contestant : contestants_) {
                contestant.nanoseconds.push_back(measure(contestant));
            }
            if (isatty_) {
                std::fprintf(stderr, "\rround %d of %d", round + 1, rounds);
            }
        }
        if (isatty_) {
            std::fputs("\r                    \r", stderr);
        }
    }

    void print(const char* title) const {
        const Contestant& baseline = contestants_.front();
        std::printf("%s (ratio: to \"%s\" of the same round, median)\n", title,
                    baseline.name.c_str());
        for (const Contestant& contestant : contestants_) {
            std::vector<double> ratios;
            for (std::size_t i = 0; i < contestant.nanoseconds.size(); ++i) {
                ratios.push_back(contestant.nanoseconds[i] / baseline.nanoseconds[i]);
            }
            std::printf("  %-58s %9.2f ns %8.2f x\n", contestant.name.c_str(),
                        median(contestant.nanoseconds), median(ratios));
        }
    }

private:
    static double measure(const Contestant& contestant) {
        using Clock = std::chrono::steady_clock;
        const auto begin = Clock::now();
        contestant.run(contestant.operations);
        const std::chrono::duration<double, std::nano> took = Clock::now() - begin;
        return took.count() / static_cast<double>(contestant.operations);
    }

    std::vector<Contestant> contestants_;
    bool isatty_ = ::isatty(2) != 0;
};

}  // namespace bench

// SPDX-License-Identifier: MIT
//
// What every contestant written in C++ shares: the command line, the measuring, and the way in
// which figures are handed to the driver, as lines of a name and a number.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <span>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT
#endif

namespace bench {

/// Keeps the compiler from dropping what leads to `value`.
template <typename T>
void keep(const T& value) {
    asm volatile("" : : "g"(&value) : "memory");
}

inline void check(bool true_if_right, const char* what) {
    if (!true_if_right) {
        std::fprintf(stderr, "wrong result: %s\n", what);
        std::_Exit(1);
    }
}

inline void figure(const char* name, double value) { std::printf("%s %.17g\n", name, value); }

inline double cpu_nanoseconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// One run of one test. Instructions are counted inside measure() only.
class Run {
public:
    explicit Run(long operations) : operations_(operations) {}

    [[nodiscard]] long operations() const { return operations_; }

    /// Calls `body(count)`, which does `count` operations: some to warm up, then those that count.
    /// When system calls are counted, of few operations, the same warm-up each time cancels out.
    template <typename Body>
    void measure(Body&& body) {
        body(operations_ < 100'000 ? 500 : operations_ / 10);
        measure_cold([&] { body(operations_); });
    }

    /// Calls `body()`, which does all operations, once.
    template <typename Body>
    void measure_cold(Body&& body) {
        using Clock = std::chrono::steady_clock;
        const double cpu = cpu_nanoseconds();
        const auto begin = Clock::now();
        counting_ = true;
        CALLGRIND_TOGGLE_COLLECT;
        body();
        CALLGRIND_TOGGLE_COLLECT;
        counting_ = false;
        const std::chrono::duration<double, std::nano> took = Clock::now() - begin;
        figure("nanoseconds", took.count());
        figure("cpu", cpu_nanoseconds() - cpu);
    }

    /// Calls `body()`, a part of what is measured whose instructions don't count.
    template <typename Body>
    void aside(Body&& body) const {
        if (counting_) {
            CALLGRIND_TOGGLE_COLLECT;
        }
        body();
        if (counting_) {
            CALLGRIND_TOGGLE_COLLECT;
        }
    }

private:
    long operations_;
    bool counting_ = false;
};

struct Test {
    const char* name;
    void (*run)(Run& run);
};

/// Usage: program TEST OPERATIONS
inline int main(int argc, char** argv, std::span<const Test> tests) {
    for (const Test& test : tests) {
        if (argc == 3 && std::strcmp(argv[1], test.name) == 0) {
            Run run(std::atol(argv[2]));
            test.run(run);
            std::fflush(stdout);
            std::_Exit(0);  // some tests leave endless coroutines behind
        }
    }
    std::fprintf(stderr, "usage: %s TEST OPERATIONS, where TEST is one of:\n", argv[0]);
    for (const Test& test : tests) {
        std::fprintf(stderr, "  %s\n", test.name);
    }
    return 2;
}

}  // namespace bench

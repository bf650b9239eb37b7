// SPDX-License-Identifier: MIT
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string_view>

#include <coloop/testing.hpp>

#include "base/misuse.hpp"
#include "testing/descriptors.hpp"
#include "testing/harness.hpp"

namespace coloop::testing {

namespace {

const char* environment(const char* name) noexcept { return std::getenv(name); }

/// A number from the environment; nothing if the variable is not set.
std::optional<std::uint64_t> number_from_environment(const char* name) {
    const char* text = environment(name);
    if (text == nullptr) {
        return {};
    }
    const std::string_view digits = text;
    std::uint64_t number = 0;
    const auto [rest, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || rest != digits.data() + digits.size()) {
        misuse(std::string("the environment variable ") + name + " is \"" + text +
               "\", which is not a number; correct or unset it");
    }
    return number;
}

std::optional<std::uint64_t> seed_from_environment() {
    const char* text = environment("COLOOP_SEED");
    if (text != nullptr && std::string_view(text) == "random") {
        return std::random_device()();
    }
    return number_from_environment("COLOOP_SEED");
}

/// Calls `runs()`, which makes loops and destroys them, and fails if descriptors are left open.
template <typename Runs>
void watch_descriptors(const TestOptions& options, Runs runs) {
    if (!options.watches_descriptors) {
        runs();
        return;
    }
    static const bool libuv_has_its_own = (Loop(), true);
    static_cast<void>(libuv_has_its_own);
    const Descriptors before = open_descriptors();
    runs();
    if (const std::string text = new_descriptors(before); !text.empty()) {
        throw TestFailure("left behind when the test had ended\n" +
                          text.substr(0, text.size() - 1));
    }
}

/// Calls `run()`; if it fails, says on standard error what `advice()` returns, if anything.
template <typename Run, typename Advice>
void run_or_advise(Run run, Advice advice) {
    try {
        run();
    } catch (...) {
        if (const std::string text = advice(); !text.empty()) {
            std::fprintf(stderr, "coloop: %s\n", text.c_str());
        }
        throw;
    }
}

void run_with_seed(Harness& harness, Order order, std::uint64_t seed, const detail::Body& body,
                   Attempt* attempt = nullptr) {
    if (order == Order::fifo) {
        FifoSchedule schedule(seed);
        harness.run(body, schedule, seed, attempt);
    } else {
        ShuffledSchedule schedule(seed);
        harness.run(body, schedule, seed, attempt);
    }
}

}  // namespace

void detail::run_test(const TestOptions& options, const Body& body) { run_seeds(options, 1, body); }

void detail::run_seeds(const TestOptions& options, std::size_t count, const Body& body) {
    const std::optional<std::uint64_t> only = seed_from_environment();
    const std::uint64_t first = only.value_or(options.seed);
    const std::size_t runs = only ? std::min<std::size_t>(count, 1) : count;
    const auto advice = [&](std::size_t run) {
        if (options.order == Order::fifo && runs == 1) {
            return std::string();
        }
        const std::string seed = std::to_string(first + run);
        return (runs == 1 ? "the test failed with seed " + seed
                          : "run " + std::to_string(run + 1) + " of " + std::to_string(runs) +
                                " failed") +
               "; COLOOP_SEED=" + seed + " repeats it";
    };
    watch_descriptors(options, [&] {
        Harness harness(options);
        for (std::size_t run = 0; run < runs; ++run) {
            run_or_advise([&] { run_with_seed(harness, options.order, first + run, body); },
                          [&] { return advice(run); });
        }
    });
}

std::size_t detail::run_all_interleavings(const TestOptions& options, const Body& body) {
    const char* only = environment("COLOOP_SCHEDULE");
    ExploringSchedule schedule = only == nullptr ? ExploringSchedule() : ExploringSchedule(only);
    std::size_t runs = 0;
    watch_descriptors(options, [&] {
        Harness harness(options);
        do {
            if (runs++ == options.most_interleavings) {
                throw TestFailure("more than " + std::to_string(options.most_interleavings) +
                                  " interleavings; make the test smaller, or try many of them "
                                  "with run_seeds()");
            }
            run_or_advise([&] { harness.run(body, schedule, options.seed); },
                          [&] {
                              return "interleaving " + std::to_string(runs) +
                                     " failed; COLOOP_SCHEDULE=" + schedule.text() + " repeats it";
                          });
            if (!schedule.complaint().empty()) {
                throw TestFailure(std::string(schedule.complaint()));
            }
        } while (only == nullptr && schedule.advance());
    });
    return runs;
}

std::size_t detail::cancel_at_every_step(const TestOptions& options,
                                         const std::function<void(Attempt&)>& scenario) {
    const std::optional<std::uint64_t> only = number_from_environment("COLOOP_STEP");
    for (std::size_t step = only.value_or(0);; ++step) {
        Attempt attempt(step);
        const auto run = [&] {
            Harness harness(options);
            run_with_seed(
                harness, options.order, options.seed, [&](Loop&) { scenario(attempt); }, &attempt);
        };
        run_or_advise([&] { watch_descriptors(options, run); },
                      [&] {
                          return "cancelling at step " + std::to_string(step) +
                                 " failed; COLOOP_STEP=" + std::to_string(step) + " repeats it";
                      });
        if (!attempt.used_) {
            throw TestFailure("the scenario of cancel_at_every_step() never called attempt.run()");
        }
        if (!attempt.cancelled() || only) {
            return step + 1;
        }
    }
}

}  // namespace coloop::testing

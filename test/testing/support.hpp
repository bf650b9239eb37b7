// SPDX-License-Identifier: MIT
//
// For tests of tests: the failures are wanted.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include <coloop/testing.hpp>

namespace coloop::testing {

/// What the TestFailure says that `run()` throws; empty if it throws none.
template <typename Run>
std::string text_of_failure(Run run) {
    try {
        run();
    } catch (const TestFailure& failure) {
        return failure.what();
    }
    return {};
}

/// The same of run_test().
template <typename Function>
std::string failure_of(const TestOptions& options, Function function) {
    return text_of_failure([&] { run_test(options, function); });
}

template <typename Function>
std::string failure_of(Function function) {
    return failure_of({.order = Order::fifo}, std::move(function));
}

inline bool contains(std::string_view text, std::string_view part) {
    CAPTURE(std::string(text));
    const bool found = text.find(part) != std::string_view::npos;
    CHECK(found);
    return found;
}

/// An environment variable, while it exists.
class Environment {
public:
    Environment(const char* name, const std::string& value) : name_(name) {
        setenv(name, value.c_str(), 1);
    }

    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

    ~Environment() { unsetenv(name_); }

private:
    const char* name_;
};

}  // namespace coloop::testing

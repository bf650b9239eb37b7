// SPDX-License-Identifier: MIT
#pragma once

#include <ostream>
#include <string>
#include <system_error>

#include <doctest/doctest.h>

#include <coloop/result.hpp>

namespace coloop {

/// Checks that `result` is an error of this code with this text.
template <typename T>
void expect_error(const Result<T>& result, std::error_code code, const std::string& text) {
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code() == code);
    CHECK(result.error().what() == text);
}

/// The same with a condition, which is the same on every system.
template <typename T>
void expect_error(const Result<T>& result, std::errc condition, const std::string& text) {
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code() == condition);
    CHECK(result.error().what() == text);
}

/// Checks that both forms of an operation fail alike; they are called one after the other.
template <typename Throwing, typename Returning>
void expect_both(Throwing throwing, Returning returning, std::errc condition,
                 const std::string& text) {
    expect_error(returning(), condition, text);
    try {
        throwing();
        FAIL("did not throw: " << text);
    } catch (const Error& error) {
        CHECK(error.code() == condition);
        CHECK(error.what() == text);
    }
}

}  // namespace coloop

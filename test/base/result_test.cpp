// SPDX-License-Identifier: MIT
#include <memory>
#include <ostream>  // doctest prints error codes
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <coloop/result.hpp>

using namespace coloop;

namespace {

Result<std::string> greet(bool fail) {
    if (fail) {
        return Error(Errc::closed, "greet");
    }
    return std::string("hello");
}

Result<void> act(bool fail) {
    if (fail) {
        return Error(Errc::timed_out, "act");
    }
    return {};
}

}  // namespace

TEST_SUITE("Result") {
    TEST_CASE("a value is there, and reached through star, arrow and value") {
        Result<std::string> result = greet(false);
        CHECK(result);
        CHECK(result.has_value());
        CHECK(*result == "hello");
        CHECK(result->size() == 5);
        CHECK(result.value() == "hello");
        result.value() += '!';
        *result += '?';
        CHECK(*result == "hello!?");
    }

    TEST_CASE("a const result gives its value, too") {
        const Result<std::string> result = greet(false);
        CHECK(*result == "hello");
        CHECK(result->size() == 5);
        CHECK(result.value() == "hello");
    }

    TEST_CASE("an error takes the value's place") {
        const Result<std::string> result = greet(true);
        CHECK_FALSE(result);
        CHECK_FALSE(result.has_value());
        CHECK(result.error().code() == Errc::closed);
        CHECK(std::string(result.error().what()) == "greet: closed");
        CHECK_THROWS_AS(static_cast<void>(result.value()), Error);
    }

    TEST_CASE("value throws the error in its proper form") {
        CHECK_THROWS_AS(static_cast<void>(Result<int>(Error(Errc::cancelled, "x")).value()),
                        Cancelled);
        CHECK_THROWS_AS(static_cast<void>(Result<int>(Error(Errc::timed_out, "x")).value()),
                        TimedOut);
        CHECK_THROWS_AS(static_cast<void>(Result<int>(Error(Errc::end_of_stream, "x")).value()),
                        EndOfStream);
        Result<int> kept(Error(Errc::timed_out, "x"));
        CHECK_THROWS_AS(kept.value(), TimedOut);
    }

    TEST_CASE("what can only be moved can be moved out") {
        Result<std::unique_ptr<int>> first(std::make_unique<int>(1));
        const std::unique_ptr<int> one = std::move(first).value();
        CHECK(*one == 1);
        Result<std::unique_ptr<int>> second(std::make_unique<int>(2));
        const std::unique_ptr<int> two = *std::move(second);
        CHECK(*two == 2);
    }

    TEST_CASE("success without a value converts to true and its value is nothing") {
        const Result<void> result = act(false);
        CHECK(result);
        CHECK(result.has_value());
        CHECK_NOTHROW(result.value());
    }

    TEST_CASE("failure without a value carries the error and throws it") {
        const Result<void> result = act(true);
        CHECK_FALSE(result);
        CHECK_FALSE(result.has_value());
        CHECK(result.error().code() == Errc::timed_out);
        CHECK_THROWS_AS(result.value(), TimedOut);
    }
}

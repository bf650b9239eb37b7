// SPDX-License-Identifier: MIT
#include <exception>
#include <ostream>  // doctest prints error codes
#include <string>
#include <type_traits>

#include <doctest/doctest.h>

#include <coloop/error.hpp>

using namespace coloop;

static_assert(!std::is_base_of_v<std::exception, Cancelled>);

TEST_SUITE("Error") {
    TEST_CASE("a code of coloop's says in words what happened") {
        CHECK(make_error_code(Errc::end_of_stream).message() == "end of stream");
        CHECK(make_error_code(Errc::cancelled).message() == "cancelled");
        CHECK(make_error_code(Errc::closed).message() == "closed");
        CHECK(make_error_code(Errc::timed_out).message() == "timed out");
        CHECK(make_error_code(Errc::broken).message() ==
              "broken by a participant that was cancelled");
        CHECK(make_error_code(Errc::too_long).message() == "longer than allowed");
        CHECK(std::error_code(99, coloop_category()).message() == "unknown error 99");
        CHECK(std::string(coloop_category().name()) == "coloop");
    }

    TEST_CASE("a code of coloop's equals the std::errc that comes nearest") {
        CHECK(make_error_code(Errc::cancelled) == std::errc::operation_canceled);
        CHECK(make_error_code(Errc::closed) == std::errc::bad_file_descriptor);
        CHECK(make_error_code(Errc::timed_out) == std::errc::timed_out);
        CHECK(make_error_code(Errc::broken) == std::errc::state_not_recoverable);
        CHECK(make_error_code(Errc::too_long) == std::errc::message_size);
        CHECK(make_error_code(Errc::cancelled) != std::errc::timed_out);
    }

    TEST_CASE("the end of a stream and unknown codes equal no std::errc") {
        const std::error_condition end =
            make_error_code(Errc::end_of_stream).default_error_condition();
        CHECK(end.category() == coloop_category());
        const std::error_condition unknown =
            std::error_code(99, coloop_category()).default_error_condition();
        CHECK(unknown.category() == coloop_category());
    }

    TEST_CASE("an Errc converts to a code and compares with one") {
        const std::error_code code = Errc::closed;
        CHECK(code == Errc::closed);
        CHECK(code != Errc::cancelled);
        CHECK(code.category() == coloop_category());
    }

    TEST_CASE("the text names operation, object and reason") {
        const Error error(Errc::closed, "read", "127.0.0.1:7000");
        CHECK(std::string(error.what()) == "read 127.0.0.1:7000: closed");
        CHECK(error.code() == Errc::closed);
    }

    TEST_CASE("the text leaves out an operation or object that is empty") {
        CHECK(std::string(Error(Errc::closed, "read").what()) == "read: closed");
        CHECK(std::string(Error(Errc::closed, {}, "/tmp/x").what()) == "/tmp/x: closed");
        CHECK(std::string(Error(Errc::closed, {}).what()) == "closed");
    }

    TEST_CASE("raise throws Cancelled for a cancellation") {
        CHECK_THROWS_AS(Error(Errc::cancelled, "read").raise(), Cancelled);
    }

    TEST_CASE("raise throws TimedOut for a deadline of coloop's, with text and code") {
        try {
            Error(Errc::timed_out, "read", "x").raise();
        } catch (const TimedOut& error) {
            CHECK(std::string(error.what()) == "read x: timed out");
            CHECK(error.code() == Errc::timed_out);
            CHECK(error.code() == std::errc::timed_out);
        }
    }

    TEST_CASE("raise throws EndOfStream for an end in the middle") {
        try {
            Error(Errc::end_of_stream, "read exactly", "x").raise();
        } catch (const EndOfStream& error) {
            CHECK(std::string(error.what()) == "read exactly x: end of stream");
        }
    }

    TEST_CASE("raise throws everything else as an Error") {
        const auto refused = std::make_error_code(std::errc::connection_refused);
        try {
            Error(refused, "connect", "x").raise();
        } catch (const TimedOut&) {
            FAIL("not a deadline");
        } catch (const Error& error) {
            CHECK(error.code() == std::errc::connection_refused);
        }
    }

    TEST_CASE("a time-out of the system's own is not a TimedOut") {
        const auto code = std::make_error_code(std::errc::timed_out);
        try {
            Error(code, "connect", "x").raise();
        } catch (const TimedOut&) {
            FAIL("the deadline was not coloop's");
        } catch (const Error& error) {
            CHECK(error.code() == std::errc::timed_out);
        }
    }

    TEST_CASE("TimedOut and EndOfStream are Errors, which are std::system_errors") {
        CHECK_THROWS_AS(throw TimedOut(Errc::timed_out, "wait"), Error);
        CHECK_THROWS_AS(throw EndOfStream(Errc::end_of_stream, "read"), Error);
        CHECK_THROWS_AS(throw Error(Errc::closed, "read"), std::system_error);
    }
}

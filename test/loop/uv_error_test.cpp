// SPDX-License-Identifier: MIT
#include <cerrno>
#include <ostream>  // doctest prints error codes
#include <string>
#include <system_error>

#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/error.hpp>
#include <coloop/uv_error.hpp>

using namespace coloop;

TEST_SUITE("uv_error") {
    TEST_CASE("a status that is no failure makes no error code") {
        CHECK_FALSE(uv_code(0));
        CHECK_FALSE(uv_code(17));
        CHECK(uv_code(0) == std::error_code());
    }

    TEST_CASE("a failure keeps libuv's number and says what libuv says") {
        const std::error_code code = uv_code(UV_ECONNREFUSED);
        CHECK(code);
        CHECK(code.value() == UV_ECONNREFUSED);
        CHECK(code.category() == uv_category());
        CHECK(code.message() == "connection refused");
        CHECK(std::string(uv_category().name()) == "libuv");
    }

    TEST_CASE("every libuv code that the standard has a name for equals that std::errc") {
        const auto check = [](const char* name, int status) {
            CAPTURE(name);
            const std::error_condition condition =
                std::system_category().default_error_condition(-status);
            if (condition.category() == std::generic_category()) {
                CHECK(uv_code(status) == condition);
            }
        };
#define COLOOP_CHECK(name, text) check(#name, UV_##name);
        UV_ERRNO_MAP(COLOOP_CHECK)
#undef COLOOP_CHECK
    }

    TEST_CASE("every libuv code has the message that libuv gives it") {
#define COLOOP_CHECK(name, text) CHECK(uv_code(UV_##name).message() == text);
        UV_ERRNO_MAP(COLOOP_CHECK)
#undef COLOOP_CHECK
    }

    TEST_CASE("a cancelled lookup is a cancelled operation, other lookup failures are their own") {
        CHECK(uv_code(UV_EAI_CANCELED) == std::errc::operation_canceled);
        CHECK(uv_code(UV_EAI_MEMORY) == std::errc::not_enough_memory);
        const std::error_code unknown = uv_code(UV_EAI_NONAME);
        CHECK(unknown.default_error_condition().category() == uv_category());
        CHECK(unknown.message() == "unknown node or service");
    }

    TEST_CASE("the end of a stream equals no std::errc") {
        const std::error_condition end = uv_code(UV_EOF).default_error_condition();
        CHECK(end.category() == uv_category());
        CHECK(end.value() == UV_EOF);
    }

    TEST_CASE("what libuv has no name for, but the system has, is known all the same") {
        // 1.44.2 names neither; spawning a file that is no program gives the first.
        CHECK(uv_code(-ENOEXEC) == std::errc::executable_format_error);
        CHECK(uv_code(-ENODATA) == std::errc::no_message_available);
        CHECK(uv_code(-EDQUOT).message() == std::system_category().message(EDQUOT));
    }

    TEST_CASE("a number that nobody knows makes an error code all the same") {
        const std::error_code code = uv_code(-12345);
        CHECK(code);
        CHECK(code.message() == std::system_category().message(12345));
        CHECK(code.default_error_condition().category() == uv_category());
    }

    TEST_CASE("an Error of libuv's is thrown as it is, never as a deadline of coloop's") {
        const Error error(uv_code(UV_ETIMEDOUT), "connect", "192.0.2.1:7000");
        CHECK(std::string(error.what()) == "connect 192.0.2.1:7000: connection timed out");
        try {
            error.raise();
        } catch (const TimedOut&) {
            FAIL("no deadline of coloop's passed");
        } catch (const Error& caught) {
            CHECK(caught.code() == std::errc::timed_out);
            CHECK(caught.code() != Errc::timed_out);
        }
    }
}

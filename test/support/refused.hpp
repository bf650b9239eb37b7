// SPDX-License-Identifier: MIT
//
// Tables of operations that the world refuses.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/error.hpp>
#include <coloop/result.hpp>
#include <coloop/uv_error.hpp>

namespace coloop {

/// One operation in both forms.
struct Operation {
    std::string text;  // operation and object, as errors name them
    std::function<void()> throwing;
    std::function<Error()> quiet;
};

template <typename Throwing, typename Quiet>
Operation operation(std::string text, Throwing throwing, Quiet quiet) {
    return {std::move(text), [throwing] { static_cast<void>(throwing()); },
            [quiet] {
                const auto result = quiet();
                return result ? Error(Errc::closed, "did not fail") : result.error();
            }};
}

#define COLOOP_TEST_OPERATION(text, call, ...) \
    operation(                                 \
        text, [=] { return call(__VA_ARGS__); }, [=] { return call(__VA_ARGS__, std::nothrow); })

/// Checks that each of `operations` fails in both forms, and names itself and the reason.
inline void expect_refused(const std::vector<Operation>& operations, std::errc code,
                           const std::string& reason) {
    for (const Operation& one : operations) {
        CAPTURE(one.text);
        const std::string text = one.text + ": " + reason;
        const Error quiet = one.quiet();
        CHECK(quiet.code() == code);
        CHECK(quiet.what() == text);
        CHECK_THROWS_WITH_AS(one.throwing(), text.c_str(), Error);
    }
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include "base/misuse.hpp"

#include <doctest/doctest.h>

#include "support/death.hpp"

using namespace coloop;

TEST_SUITE("misuse") {
    TEST_CASE("misuse prints one sentence to standard error and aborts") {
        const Death death = die([] { misuse("do this instead"); });
        CHECK(death.words == "coloop: do this instead\n");
        CHECK(death.signal == SIGABRT);
    }

    TEST_CASE("misuse prints percent signs as they are, and no more than its sentence") {
        CHECK(die([] { misuse(std::string_view("100%s sure", 5)); }).words == "coloop: 100%s\n");
    }
}

// SPDX-License-Identifier: MIT
#pragma once

#include "support/death.hpp"

namespace coloop {

/// Checks that `function()` is refused: one line on standard error that contains `sentence`, and an
/// abort. It is called in a child process.
template <typename Function>
void expect_misuse(Function&& function, const char* sentence) {
    const Death death = die(function);
    CAPTURE(death.words);
    CHECK(death.signal == SIGABRT);
    CHECK(death.words.starts_with("coloop: "));
    CHECK(doctest::String(death.words.c_str()) == doctest::Contains(sentence));
    CHECK(death.words.find('\n') == death.words.size() - 1);
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <utility>

#include <fmt/format.h>

/// One line of `key=value` pairs on standard error.
template <typename... Values>
void log(fmt::format_string<Values...> format, Values&&... values) {
    fmt::print(stderr, "{}\n", fmt::format(format, std::forward<Values>(values)...));
}

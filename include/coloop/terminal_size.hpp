// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace coloop {

/// How much a terminal shows, in characters.
struct TerminalSize {
    std::uint16_t columns = 80;
    std::uint16_t rows = 24;

    friend bool operator==(const TerminalSize& left, const TerminalSize& right) = default;
};

}  // namespace coloop

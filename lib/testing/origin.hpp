// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace coloop::testing {

/// Where something was made: the calls that led there, noted in passing and looked up only when
/// somebody wants to read them.
class Origin {
public:
    /// Here and now.
    static Origin here() noexcept;

    /// The innermost calls that are not the library's own, a line for each, indented:
    /// "    by serve_one() at server_test.cpp:42". Asks the program addr2line for them; without it,
    /// the lines are what the linker knows.
    [[nodiscard]] std::string text() const;

private:
    static constexpr std::size_t most_frames = 20;

    std::array<void*, most_frames> frames_{};
    std::size_t count_ = 0;
};

}  // namespace coloop::testing

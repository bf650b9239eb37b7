// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace coloop {

/// Prints "coloop: <sentence>" to standard error and aborts.
///
/// For programming errors only: there is no right handler for them, so the sentence says what
/// happened, in which coroutine, and what to do instead.
[[noreturn]] void misuse(std::string_view sentence) noexcept;

}  // namespace coloop

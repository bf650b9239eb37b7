// SPDX-License-Identifier: MIT
#pragma once

#include <system_error>

#include <coloop/export.hpp>

namespace coloop {

/// The category of libuv's error codes (UV_ECONNREFUSED and so on), which compare equal to the
/// std::errc of the same name on every system: `code == std::errc::connection_refused`.
[[nodiscard]] COLOOP_EXPORT const std::error_category& uv_category() noexcept;

/// The error_code of a negative libuv status; no error for others.
[[nodiscard]] COLOOP_EXPORT std::error_code uv_code(int status) noexcept;

}  // namespace coloop

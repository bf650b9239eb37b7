// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>
#include <span>

#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop {

/// Fills `bytes` with random ones that nobody can guess, fit for keys, by way of libuv's thread
/// pool: early after the start of the system that may take long. Must be called in a coroutine.
///
/// Throws Error if the system has no source of them, and Cancelled if the coroutine is cancelled
/// before or while it waits; `bytes` are as they were then.
COLOOP_EXPORT void fill_random(std::span<std::byte> bytes);

/// The same; returns the Error.
COLOOP_EXPORT Result<void> fill_random(std::span<std::byte> bytes, std::nothrow_t tag) noexcept;

}  // namespace coloop

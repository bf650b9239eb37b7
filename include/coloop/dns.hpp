// SPDX-License-Identifier: MIT
#pragma once

#include <new>
#include <string_view>
#include <vector>

#include <coloop/address.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop {

/// The addresses of `host`, with port 0, in the order in which they should be tried; at least one.
/// A numeric host is its own address and asks nobody; names are looked up as the system does it, on
/// libuv's thread pool.
///
/// Must be called in a coroutine. Throws Error if there is no such host or nobody to ask, and
/// Cancelled if the coroutine is cancelled before or meanwhile; it does not wait for the lookup
/// then.
[[nodiscard]] COLOOP_EXPORT std::vector<Address> resolve(std::string_view host);

/// The same; returns the Error.
COLOOP_EXPORT Result<std::vector<Address>> resolve(std::string_view host,
                                                   std::nothrow_t tag) noexcept;

}  // namespace coloop

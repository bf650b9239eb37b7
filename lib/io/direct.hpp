// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <uv.h>

namespace coloop {

struct DirectRead {
    std::size_t count;  ///< bytes taken; 0 where libuv must be asked
    bool more;          ///< there may be more
    int error;          ///< a libuv code, UV_EOF at the end; the system tells an error only once
};

/// Reads what lies ready on a stream that libuv has open, without going through the loop. Takes
/// nothing on systems where libuv's descriptors must not be touched.
DirectRead read_directly(const uv_handle_t* handle, std::span<std::byte> buffer) noexcept;

/// Writes what the system takes at once; `descriptor` is of such a stream, and libuv must have
/// nothing queued for it. Returns how much, or a libuv code.
ssize_t write_directly(int descriptor, std::span<const std::byte> bytes) noexcept;

/// Ends writing on a stream that libuv has open and nothing to write for, without going through the
/// loop. Returns a libuv code; UV_ENOTSUP where libuv must do it.
int shut_down_directly(const uv_handle_t* handle) noexcept;

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include <uv.h>

namespace coloop {

/// Reads what the page cache holds of a file, without waiting for a disk: at `offset`, or at the
/// position if that is negative. Returns how many bytes, UV_EAGAIN if only a read that may wait can
/// tell, and UV_ENOTSUP if the system can't do this for the file at all.
std::int64_t read_nowait(uv_file file, std::span<const uv_buf_t> buffers,
                         std::int64_t offset) noexcept;

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include "io/nowait.hpp"

namespace coloop {

std::int64_t read_nowait(uv_file /*file*/, std::span<const uv_buf_t> /*buffers*/,
                         std::int64_t /*offset*/) noexcept {
    return UV_ENOTSUP;
}

}  // namespace coloop

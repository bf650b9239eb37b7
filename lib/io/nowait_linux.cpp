// SPDX-License-Identifier: MIT
#include <cerrno>

#include <sys/uio.h>

#include "io/nowait.hpp"

namespace coloop {

std::int64_t read_nowait(uv_file file, std::span<const uv_buf_t> buffers,
                         std::int64_t offset) noexcept {
    const auto* pieces = reinterpret_cast<const iovec*>(buffers.data());  // libuv promises this
    const ssize_t count = preadv2(file, pieces, static_cast<int>(buffers.size()),
                                  offset < 0 ? -1 : offset, RWF_NOWAIT);
    if (count > 0) {
        return count;
    }
    // Zero may be a lie (Linux 5.9 and 5.10), and so may EIO (before 4.20): readv(2), BUGS.
    return count < 0 && errno == EOPNOTSUPP ? UV_ENOTSUP : UV_EAGAIN;
}

}  // namespace coloop

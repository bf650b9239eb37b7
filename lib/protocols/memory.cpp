// SPDX-License-Identifier: MIT
#include <algorithm>
#include <new>
#include <stdexcept>

#include <uv.h>

#include <coloop/memory.hpp>
#include <coloop/uv_error.hpp>

namespace coloop {

Result<std::size_t> MemoryReader::read_some(std::span<std::byte> buffer) noexcept {
    const std::span<const std::byte> taken = rest_.first(std::min(buffer.size(), rest_.size()));
    std::copy(taken.begin(), taken.end(), buffer.begin());
    rest_ = rest_.subspan(taken.size());
    return taken.size();
}

Result<void> MemoryWriter::write_all(std::span<const std::span<const std::byte>> pieces) noexcept {
    // NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): read if an exception comes
    const std::size_t before = text_.size();
    try {
        for (const std::span<const std::byte> piece : pieces) {
            text_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        }
        return {};
    } catch (const std::bad_alloc&) {
    } catch (const std::length_error&) {
    }
    text_.resize(before);
    return Error(uv_code(UV_ENOMEM), "write", "to memory");
}

}  // namespace coloop

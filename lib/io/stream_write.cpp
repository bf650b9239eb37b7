// SPDX-License-Identifier: MIT
//
// The usual write, which each request of a server makes; the rest is in stream_write_turn.cpp.
#include "io/direct.hpp"
#include "io/stream_node.hpp"

namespace coloop {

/// True if nobody else writes and the system can be asked without libuv.
inline bool StreamNode::may_write_at_once(std::span<const std::byte> bytes) const noexcept {
    return is_here() && !Wait::already_cancelled() && !closing() && !writing_ && direct_ >= 0 &&
           immediate_ + 1 < most_immediate && bytes.size() - 1 < largest_buffer;
}

Result<void> StreamNode::write(std::span<const std::span<const std::byte>> pieces) noexcept {
    if (pieces.size() != 1 || !may_write_at_once(pieces.front())) [[unlikely]] {
        return write_in_turn(pieces);
    }
    // The usual case lets nobody run, so it takes no turn and need not hold the stream.
    const std::span<const std::byte> bytes = pieces.front();
    const ssize_t written = write_directly(direct_, bytes);
    if (written != static_cast<ssize_t>(bytes.size())) [[unlikely]] {
        return write_on(bytes, written);
    }
    ++immediate_;
    return {};
}

}  // namespace coloop

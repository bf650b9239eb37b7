// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>
#include <optional>
#include <span>

#include <coloop/buf_reader.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>
#include <coloop/stream.hpp>

/// Messages over a stream: each is a frame of four bytes, which say in big-endian order how long
/// the content is, and the content.
namespace coloop {

/// What read_frame() takes at the most, unless told: 1 MiB.
inline constexpr std::size_t standard_frame_limit = std::size_t{1} << 20;

/// Writes one frame, in one write. Throws what Writer::write() throws, and Error if there are more
/// bytes than the four can count.
COLOOP_EXPORT Result<void> write_frame(Writer& to, std::span<const std::byte> content,
                                       std::nothrow_t tag) noexcept;

inline void write_frame(Writer& to, std::span<const std::byte> content) {
    write_frame(to, content, std::nothrow).value();
}

/// The content of the next frame; it holds until the next call that reads. No value if the stream
/// ends before a frame.
///
/// Throws EndOfStream if it ends inside one, and Error if the frame is longer than `limit` bytes:
/// "read a frame of at most 65536 bytes: longer than allowed". Memory is taken as bytes come, not
/// as they are announced. Nothing is lost by an Error or Cancelled: the call can be made again.
COLOOP_EXPORT Result<std::optional<std::span<const std::byte>>> read_frame(
    BufReader& from, std::size_t limit, std::nothrow_t tag) noexcept;

inline std::optional<std::span<const std::byte>> read_frame(
    BufReader& from, std::size_t limit = standard_frame_limit) {
    return read_frame(from, limit, std::nothrow).value();
}

}  // namespace coloop

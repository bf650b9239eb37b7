// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <new>

#include <coloop/export.hpp>
#include <coloop/result.hpp>
#include <coloop/stream.hpp>

namespace coloop {

/// Which end an Error of copy() came from.
enum class CopyEnd : std::uint8_t { neither, reader, writer };

struct CopyOptions {
    /// No more bytes than that; what is beyond them stays in the reader.
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

    /// Where to count them, if not null: right at each moment, and after an Error or Cancelled.
    std::uint64_t* copied = nullptr;

    /// Where to say which end failed, if not null: a proxy tells the other one something else then.
    CopyEnd* failed = nullptr;

    /// Called after each piece with how many bytes there were so far. Must not throw. May wait.
    std::function<void(std::uint64_t)> progress = {};
};

/// Writes to `to` all that comes from `from`, until that ends; returns how many bytes there were.
/// Ends neither of the two.
///
/// On Linux the bytes don't pass through this process from a File to a File (the file system may
/// share the blocks), from a File to a stream such as a TcpStream (sendfile), and from one such
/// stream to another while more comes than one read takes (splice). Everything else takes turns in
/// reading and writing a buffer; so does what a BufReader or other wrapper is in between of. Each
/// piece is one write to the writer, and others may write in between.
///
/// Throws what reading and writing throw; the Error says how much was copied before: "write
/// 127.0.0.1:80 after 4096 bytes: broken pipe". After an Error or Cancelled, up to a piece more may
/// have been taken from the reader than `copied` counts. A cancelled coroutine waits for the piece
/// that a thread of the pool has begun with, as in File. Must be called in a coroutine of a loop.
COLOOP_EXPORT Result<std::uint64_t> copy(Reader& from, Writer& to, const CopyOptions& options,
                                         std::nothrow_t tag) noexcept;

inline Result<std::uint64_t> copy(Reader& from, Writer& to, std::nothrow_t tag) noexcept {
    return copy(from, to, {}, tag);
}

/// What can be read and written, as files and streams can.
template <typename T>
concept ReaderAndWriter = std::derived_from<T, Reader> && std::derived_from<T, Writer>;

/// The same for two of one type, which would otherwise be taken for the iterators of std::copy.
template <ReaderAndWriter End>
Result<std::uint64_t> copy(End& from, End& to, std::nothrow_t tag) noexcept {
    return copy(static_cast<Reader&>(from), static_cast<Writer&>(to), {}, tag);
}

inline std::uint64_t copy(Reader& from, Writer& to, const CopyOptions& options = {}) {
    return copy(from, to, options, std::nothrow).value();
}

}  // namespace coloop

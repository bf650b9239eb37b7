// SPDX-License-Identifier: MIT
#include <array>

#include <coloop/stream.hpp>

namespace coloop {

Result<void> Reader::read_exactly(std::span<std::byte> buffer, std::nothrow_t /*tag*/) noexcept {
    while (!buffer.empty()) {
        const Result<std::size_t> count = read_some(buffer);
        if (!count) {
            return count.error();
        }
        if (*count == 0) {
            return Error(Errc::end_of_stream, "read exactly");
        }
        buffer = buffer.subspan(*count);
    }
    return {};
}

Result<void> Stream::graceful_close(std::nothrow_t tag) noexcept {
    Result<void> ended = end_writing();
    if (!ended && ended.error().code() == std::errc::not_connected) {
        ended = {};  // it was done before; if not, reading fails the same way
    }
    std::array<std::byte, 4096> rest;
    while (ended) {
        const Result<std::size_t> count = read(rest, tag);
        if (!count) {
            ended = count.error();
        } else if (*count == 0) {
            break;
        }
    }
    close();
    return ended;
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include <uv.h>

#include <coloop/buf_reader.hpp>
#include <coloop/uv_error.hpp>

#include "base/misuse.hpp"

namespace coloop {

namespace {

// More than that no buffer can have, and a little can be added to it.
constexpr std::size_t largest = std::numeric_limits<std::size_t>::max() / 4;

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Error busy() { return {uv_code(UV_EBUSY), "read", "a BufReader"}; }

Error too_long(const char* what, std::size_t limit) {
    return {Errc::too_long, std::string(what) + " of at most " + std::to_string(limit) + " bytes"};
}

}  // namespace

BufReader::BufReader(Reader& source, std::size_t size) noexcept
    : source_(source), size_(std::clamp<std::size_t>(size, 1, largest)) {}

BufReader::~BufReader() = default;

void BufReader::consume(std::size_t count) noexcept {
    if (count > end_ - begin_) {
        misuse("consume() was asked for " + std::to_string(count) + " bytes of a BufReader that " +
               "has " + std::to_string(end_ - begin_) + "; peek() first");
    }
    begin_ += count;
}

/// Makes the buffer end with some room, `most` bytes long at the most; false without memory.
bool BufReader::make_room(std::size_t most) noexcept {
    const std::size_t kept = end_ - begin_;
    if (begin_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, kept);
        begin_ = 0;
        end_ = kept;
    }
    if (kept < capacity_) {
        return true;
    }
    // It doubles as bytes come, and not at once: a peer may announce more than it sends.
    const std::size_t larger =
        capacity_ == 0 ? size_ : std::min(std::max(most, size_), capacity_ * 2);
    std::unique_ptr<std::byte[]> buffer(new (std::nothrow) std::byte[larger]);
    if (buffer == nullptr) {
        return false;
    }
    if (kept > 0) {
        std::memcpy(buffer.get(), buffer_.get(), kept);
    }
    buffer_ = std::move(buffer);
    capacity_ = larger;
    return true;
}

/// Reads once, behind what there is, of which there must be less than `most`; returns how much.
Result<std::size_t> BufReader::fill(std::size_t most) noexcept {
    if (!make_room(most)) {
        return Error(uv_code(UV_ENOMEM), "read", "a BufReader");
    }
    filling_ = true;
    Result<std::size_t> count =
        source_.read({buffer_.get() + end_, capacity_ - end_}, std::nothrow);
    filling_ = false;
    if (count) {
        end_ += *count;
    }
    return count;
}

Result<std::size_t> BufReader::read_some(std::span<std::byte> buffer) noexcept {
    if (filling_) {
        return busy();
    }
    if (begin_ == end_ && !buffer.empty()) {
        if (buffer.size() >= size_) {
            return source_.read(buffer, std::nothrow);
        }
        if (Result<std::size_t> count = fill(size_); !count) {
            return count;
        }
    }
    const std::size_t count = std::min(buffer.size(), end_ - begin_);
    if (count > 0) {
        std::memcpy(buffer.data(), buffer_.get() + begin_, count);
    }
    begin_ += count;
    return count;
}

/// Where `delimiter` begins in the buffer; npos if the stream ends, or `most` bytes are there,
/// without it.
Result<std::size_t> BufReader::search(std::string_view delimiter, std::size_t most) noexcept {
    if (filling_) {
        return busy();
    }
    std::size_t searched = 0;
    for (;;) {
        const std::string_view text = text_of(buffered());
        const std::size_t place = text.find(delimiter, searched);
        if (place != std::string_view::npos || text.size() >= most) {
            return place;
        }
        searched = text.size() - std::min(text.size(), delimiter.size() - 1);
        Result<std::size_t> count = fill(most);
        if (!count) {
            return count;
        }
        if (*count == 0) {
            return std::string_view::npos;
        }
    }
}

/// The first `length` bytes of the buffer, of which `with_end` are taken.
std::string_view BufReader::take(std::size_t length, std::size_t with_end) noexcept {
    const std::string_view text = text_of(buffered()).substr(0, length);
    begin_ += with_end;
    return text;
}

Result<std::optional<std::string_view>> BufReader::read_line(std::size_t limit,
                                                             std::nothrow_t /*tag*/) noexcept {
    const Result<std::size_t> place =
        search("\n", std::min(limit, largest) + std::string_view("\r\n").size());
    if (!place) {
        return place.error();
    }
    const std::string_view text = text_of(buffered());
    const bool ends = *place != std::string_view::npos;
    std::size_t length = ends ? *place : text.size();
    if (ends && length > 0 && text[length - 1] == '\r') {
        --length;
    }
    if (length > limit) {
        return too_long("read a line", limit);
    }
    if (text.empty()) {
        return std::optional<std::string_view>();
    }
    return std::optional(take(length, ends ? *place + 1 : length));
}

Result<std::optional<std::string_view>> BufReader::read_until(std::string_view delimiter,
                                                              std::size_t limit,
                                                              std::nothrow_t /*tag*/) noexcept {
    if (delimiter.empty()) {
        misuse("read_until() was called with an empty delimiter, which is everywhere; give it one");
    }
    const Result<std::size_t> place =
        search(delimiter, std::min(limit, largest) + delimiter.size());
    if (!place) {
        return place.error();
    }
    const bool ends = *place != std::string_view::npos;
    if ((ends ? *place : end_ - begin_) > limit) {
        return too_long("read a part", limit);
    }
    if (ends) {
        return std::optional(take(*place, *place + delimiter.size()));
    }
    if (begin_ == end_) {
        return std::optional<std::string_view>();
    }
    return Error(Errc::end_of_stream, "read until a delimiter");
}

Result<std::span<const std::byte>> BufReader::peek(std::size_t count,
                                                   std::nothrow_t /*tag*/) noexcept {
    if (filling_) {
        return busy();
    }
    while (end_ - begin_ < count) {
        // Who asks for a little more each time shall not have all moved each time.
        const std::size_t most = std::max(count, capacity_ + capacity_ / 4);
        const Result<std::size_t> more = fill(std::min(most, largest));
        if (!more) {
            return more.error();
        }
        if (*more == 0) {
            break;
        }
    }
    return buffered();
}

Result<std::span<const std::byte>> BufReader::read_exactly(std::size_t count,
                                                           std::nothrow_t tag) noexcept {
    Result<std::span<const std::byte>> bytes = peek(count, tag);
    if (!bytes) {
        return bytes;
    }
    if (bytes->size() < count) {
        return Error(Errc::end_of_stream, "read exactly");
    }
    begin_ += count;
    return bytes->first(count);
}

}  // namespace coloop

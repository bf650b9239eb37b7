// SPDX-License-Identifier: MIT
#include <utility>

#include <coloop/error.hpp>
#include <coloop/memory_stream.hpp>

#include "testing/memory_link.hpp"

namespace coloop::testing {

namespace {

Error not_open(const char* operation) {
    return {make_error_code(Errc::closed), operation, "a memory stream"};
}

}  // namespace

MemoryStream::MemoryStream(std::shared_ptr<MemoryLink> link, std::size_t side) noexcept
    : link_(std::move(link)), side_(side) {}

MemoryStream& MemoryStream::operator=(MemoryStream&& other) noexcept {
    std::swap(link_, other.link_);
    std::swap(side_, other.side_);
    return *this;
}

MemoryStream::~MemoryStream() { close(); }

void MemoryStream::close() noexcept {
    if (link_ != nullptr) {
        link_->ways[side_].close_sender();
        link_->ways[1 - side_].close_receiver();
    }
}

void MemoryStream::reset() noexcept {
    if (link_ != nullptr) {
        link_->ways[0].reset();
        link_->ways[1].reset();
    }
}

void MemoryStream::stall() noexcept {
    if (link_ != nullptr) {
        link_->ways[side_].stall();
    }
}

void MemoryStream::resume() noexcept {
    if (link_ != nullptr) {
        link_->ways[side_].resume();
    }
}

std::size_t MemoryStream::unread() const noexcept {
    return link_ == nullptr ? 0 : link_->ways[1 - side_].under_way();
}

// A coroutine that waits keeps the link alive, for the stream may be moved or destroyed meanwhile.

Result<std::size_t> MemoryStream::read_some(std::span<std::byte> buffer) noexcept {
    const std::shared_ptr<MemoryLink> link = link_;
    return link == nullptr ? not_open("read") : link->ways[1 - side_].read(buffer);
}

Result<void> MemoryStream::write_all(std::span<const std::span<const std::byte>> pieces) noexcept {
    const std::shared_ptr<MemoryLink> link = link_;
    if (link == nullptr) {
        return not_open("write");
    }
    const std::size_t side = side_;
    bool begun = false;
    Result<void> written = link->ways[side].write(pieces, begun);
    if (begun && !written && written.error().code() == Errc::cancelled) {
        link->ways[side].close_sender();  // the rest would make no sense to the peer
        link->ways[1 - side].close_receiver();
    }
    return written;
}

Result<void> MemoryStream::end_writing() noexcept {
    const std::shared_ptr<MemoryLink> link = link_;
    return link == nullptr ? Result<void>(not_open("shut down")) : link->ways[side_].end();
}

MemoryStreamPair memory_stream_pair(const MemoryStreamOptions& options) {
    auto link = std::make_shared<MemoryLink>(options);
    return {MemoryStream(link, 0), MemoryStream(link, 1)};
}

}  // namespace coloop::testing

// SPDX-License-Identifier: MIT
#include <string>
#include <utility>

#include <coloop/stream_handle.hpp>

#include "io/stream_node.hpp"

namespace coloop {

StreamHandle::StreamHandle(StreamNode* node) noexcept : node_(node) { node_->retain(); }

StreamHandle::StreamHandle(StreamHandle&& other) noexcept
    : node_(std::exchange(other.node_, nullptr)) {}

StreamHandle& StreamHandle::operator=(StreamHandle&& other) noexcept {
    StreamNode* const old = std::exchange(node_, std::exchange(other.node_, nullptr));
    if (old != nullptr) {
        old->start_close();
        old->release();
    }
    return *this;
}

StreamHandle::~StreamHandle() {
    if (node_ != nullptr) {
        node_->start_close();
        node_->release();
    }
}

void StreamHandle::close() noexcept {
    if (node_ != nullptr) {
        node_->close();
    }
}

bool StreamHandle::is_open() const noexcept { return node_ != nullptr && !node_->closing(); }

Result<Descriptor> StreamHandle::duplicate_descriptor(std::nothrow_t tag) const noexcept {
    constexpr const char* operation = "duplicate the descriptor of";
    if (!is_open()) {
        return closed(operation);
    }
    Result<Descriptor> copy = Descriptor::duplicate(NativeDescriptor{node_->descriptor()}, tag);
    if (!copy) {
        return node_->error(copy.error().code(), operation);
    }
    return copy;
}

Result<Descriptor> StreamHandle::release_descriptor(std::nothrow_t tag) noexcept {
    Result<Descriptor> copy = duplicate_descriptor(tag);
    if (copy) {
        close();
    }
    return copy;
}

Error StreamHandle::closed(const char* operation) const {
    return {Errc::closed, operation, std::string(type()) + " that is not open"};
}

// These two are not inline, so that the calls below are jumps.
[[gnu::noinline]] Result<std::size_t> StreamHandle::refuse_read() const noexcept {
    return closed("read");
}

[[gnu::noinline]] Result<void> StreamHandle::refuse_write() const noexcept {
    return closed("write");
}

Result<std::size_t> StreamHandle::read_some(std::span<std::byte> buffer) noexcept {
    if (node_ == nullptr) [[unlikely]] {
        return refuse_read();
    }
    return node_->read(buffer);
}

Result<void> StreamHandle::write_all(std::span<const std::span<const std::byte>> pieces) noexcept {
    if (node_ == nullptr) [[unlikely]] {
        return refuse_write();
    }
    return node_->write(pieces);
}

Result<void> StreamHandle::end_writing() noexcept {
    return node_ != nullptr ? node_->shutdown() : closed("shut down");
}

}  // namespace coloop

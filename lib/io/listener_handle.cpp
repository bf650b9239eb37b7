// SPDX-License-Identifier: MIT
#include <utility>

#include <coloop/listener_handle.hpp>

#include "io/listener_node.hpp"

namespace coloop {

ListenerHandle::ListenerHandle(ListenerNode* node) noexcept : node_(node) { node_->retain(); }

ListenerHandle::ListenerHandle(ListenerHandle&& other) noexcept
    : node_(std::exchange(other.node_, nullptr)) {}

ListenerHandle& ListenerHandle::operator=(ListenerHandle&& other) noexcept {
    ListenerHandle taken(std::move(other));
    std::swap(node_, taken.node_);
    return *this;
}

ListenerHandle::~ListenerHandle() {
    if (node_ != nullptr) {
        node_->start_close();
        node_->release();
    }
}

void ListenerHandle::close() noexcept {
    if (node_ != nullptr) {
        node_->close();
    }
}

void ListenerHandle::stop() noexcept {
    if (node_ != nullptr) {
        node_->stop();
    }
}

void ListenerHandle::wait_closed() {
    if (node_ != nullptr) {
        node_->require_here("wait for the close of");
        if (!node_->wait_closed()) {
            throw Cancelled();
        }
    }
}

Result<Descriptor> ListenerHandle::duplicate_descriptor(std::nothrow_t tag) const noexcept {
    constexpr const char* operation = "duplicate the descriptor of";
    if (!is_open()) {
        return Error(Errc::closed, operation, "a listener that is not open");
    }
    Result<Descriptor> copy = Descriptor::duplicate(node_->socket(), tag);
    if (!copy) {
        return Error(copy.error().code(), operation, node_->describe());
    }
    return copy;
}

Result<Descriptor> ListenerHandle::release_descriptor(std::nothrow_t tag) noexcept {
    Result<Descriptor> copy = duplicate_descriptor(tag);
    if (copy) {
        node_->keep_file();
        close();
    }
    return copy;
}

bool ListenerHandle::is_open() const noexcept { return node_ != nullptr && !node_->closing(); }

}  // namespace coloop

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

bool ListenerHandle::is_open() const noexcept { return node_ != nullptr && !node_->closing(); }

}  // namespace coloop

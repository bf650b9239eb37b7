// SPDX-License-Identifier: MIT
#include "loop/mailbox.hpp"

#include <utility>

namespace coloop::detail {

bool Mailbox::post(Posted& call) noexcept {
    const std::lock_guard lock(mutex_);
    if (!open_) {
        return false;
    }
    if (first_ != nullptr) {
        last_->next_ = &call;
        last_ = &call;
    } else {
        first_ = last_ = &call;
        uv_async_send(&bell_);  // under the lock, so that it can't race with the closing
    }
    return true;
}

void Mailbox::close() noexcept {
    const std::lock_guard lock(mutex_);
    open_ = false;
}

void Mailbox::run() noexcept {
    Posted* call = nullptr;
    {
        const std::lock_guard lock(mutex_);
        call = std::exchange(first_, nullptr);
    }
    while (call != nullptr) {
        Posted& current = *call;
        call = current.next_;
        current.run_(current);
    }
}

bool Mailbox::empty() noexcept {
    const std::lock_guard lock(mutex_);
    return first_ == nullptr;
}

}  // namespace coloop::detail

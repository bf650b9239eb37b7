// SPDX-License-Identifier: MIT
#include <coloop/co_semaphore.hpp>

namespace coloop {

void CoSemaphore::acquire(std::size_t count) {
    if (try_acquire(count)) {
        return;
    }
    if (!waiters_.wait_as(count, CoQueue::back)) {
        grant();  // a large request that has left may have held up smaller ones
        throw Cancelled();
    }
}

bool CoSemaphore::try_acquire(std::size_t count) noexcept {
    if (count > permits_ || !waiters_.empty()) {
        return false;
    }
    permits_ -= count;
    return true;
}

void CoSemaphore::release(std::size_t count) noexcept {
    permits_ += count;
    grant();
}

void CoSemaphore::grant() noexcept {
    while (!waiters_.empty() && waiters_.first_tag() <= permits_) {
        permits_ -= waiters_.first_tag();
        waiters_.wake_one();
    }
}

}  // namespace coloop

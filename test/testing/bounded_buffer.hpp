// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <mutex>

#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>

namespace coloop::testing {

/// A buffer for two items, with a lock and conditions as in textbooks.
class BoundedBuffer {
public:
    void put(int item) {
        std::unique_lock lock(mutex_);
        not_full_.wait(lock, [&] { return items_.size() < 2; });
        items_.push_back(item);
        not_empty_.wake_one();
    }

    int take() {
        std::unique_lock lock(mutex_);
        not_empty_.wait(lock, [&] { return !items_.empty(); });
        const int item = items_.front();
        items_.pop_front();
        not_full_.wake_one();
        return item;
    }

private:
    std::deque<int> items_;
    CoMutex mutex_;
    CoQueue not_full_;
    CoQueue not_empty_;
};

}  // namespace coloop::testing

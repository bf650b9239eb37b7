// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/co_queue.hpp>

namespace coloop {

/// Waits where nobody wakes; only cancelling ends it.
inline void wait_for_ever() { CoQueue().wait(); }

/// Counts those who are inside.
class Inside {
public:
    explicit Inside(int& count) : count_(count) { ++count_; }

    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

    ~Inside() { --count_; }

private:
    int& count_;
};

}  // namespace coloop

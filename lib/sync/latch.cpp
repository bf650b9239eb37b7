// SPDX-License-Identifier: MIT
#include <string>

#include <coloop/latch.hpp>

#include "base/misuse.hpp"

namespace coloop {

void Latch::count_down(std::size_t done) noexcept {
    if (done > count_) [[unlikely]] {
        misuse("count down a latch by " + std::to_string(done) + ": only " +
               std::to_string(count_) + " are left; count each thing once");
    }
    count_ -= done;
    if (count_ == 0) {
        waiters_.wake_all();
    }
}

}  // namespace coloop

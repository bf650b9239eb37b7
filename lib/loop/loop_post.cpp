// SPDX-License-Identifier: MIT
#include "loop/loop_state.hpp"

namespace coloop {

void LoopState::post(std::function<void()> function) {
    const bool here = thread_ == &detail::thread;
    {
        const std::lock_guard lock(posted_mutex_);
        if (!accepts_posts_) {
            return;
        }
        posted_.push_back(std::move(function));
        if (posted_.size() == 1) {
            uv_async_send(&async_);  // under the lock, so that it can't race with the closing
        }
    }
    // On other threads the function may have run by now, and the Loop be gone.
    if (here) {
        posted_here_ = true;
        come_back_soon();
    }
}

void LoopState::run_posted() {
    std::vector<std::function<void()>> functions;
    {
        const std::lock_guard lock(posted_mutex_);
        functions.swap(posted_);
    }
    posted_here_ = false;
    for (const auto& function : functions) {
        function();
    }
}

bool LoopState::has_posted() noexcept {
    const std::lock_guard lock(posted_mutex_);
    return !posted_.empty();
}

}  // namespace coloop

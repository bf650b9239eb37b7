// SPDX-License-Identifier: MIT
#include <memory>

#include "loop/loop_state.hpp"

namespace coloop {

bool LoopState::post(detail::Posted& posted) noexcept {
    const bool here = thread_ == &detail::thread;
    if (!mailbox_->post(posted)) {
        return false;
    }
    // On other threads the call may have run by now, and the loop be gone.
    if (here) {
        posted_here_ = true;
        come_back_soon();
    }
    return true;
}

void LoopState::post_function(std::function<void()> function) {
    auto posted =
        std::make_unique<detail::PostedFunction<std::function<void()>>>(std::move(function));
    if (post(*posted)) {
        static_cast<void>(posted.release());
    }
}

void LoopState::run_posted() noexcept {
    posted_here_ = false;
    mailbox_->run();
}

}  // namespace coloop

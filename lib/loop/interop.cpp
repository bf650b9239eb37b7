// SPDX-License-Identifier: MIT
#include <coloop/interop.hpp>

#include "loop/loop_state.hpp"

namespace coloop::detail {

Arrival::Arrival()
    : Posted([](Posted& self) noexcept { static_cast<Arrival&>(self).arrive(); }),
      state_(LoopState::current("await")) {
    state_.keep_alive(1);
}

Arrival::~Arrival() { state_.keep_alive(-1); }

void Arrival::done() noexcept {
    if (thread_ == &detail::thread) {
        arrive();
    } else {
        state_.post(*this);  // taken in, since the loop waits for this coroutine to end
    }
}

void Arrival::arrive() noexcept {
    done_ = true;
    waiter_.wake_one();
}

void post_from_coroutine(Posted& posted) noexcept {
    LoopState::current("as_awaitable").post(posted);  // taken in, as the coroutine has not ended
}

}  // namespace coloop::detail

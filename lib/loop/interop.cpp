// SPDX-License-Identifier: MIT
#include <coloop/interop.hpp>

#include "loop/loop_state.hpp"

namespace coloop::detail {

Arrival::Arrival() : state_(LoopState::current("await")) { state_.keep_alive(1); }

Arrival::~Arrival() { state_.keep_alive(-1); }

void Arrival::done() noexcept {
    const auto arrive = [this] {
        done_ = true;
        waiter_.wake_one();
    };
    if (thread_ == &detail::thread) {
        arrive();
    } else {
        state_.post(arrive);
    }
}

}  // namespace coloop::detail

// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/co_queue.hpp>
#include <coloop/deadline.hpp>

#include "loop/loop_state.hpp"

namespace coloop {

/// A coroutine that waits for a deadline, and maybe for something that comes first.
class Sleeper final : public Deadline {
public:
    Sleeper(LoopState& state, std::uint64_t when, CoQueue& queue) : state_(state), queue_(queue) {
        state_.add(*this, when);
    }

    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;

    ~Sleeper() {
        if (is_set()) {
            state_.remove(*this);
        }
    }

private:
    void expire() noexcept override { queue_.wake_one(); }

    LoopState& state_;
    CoQueue& queue_;
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/deadline.hpp>

namespace coloop {

class LoopState;

/// Returns the memory of stacks that stay unused to the system. Its deadline is set while
/// coroutines end, and afterwards until there is nothing to return, so an idle loop is not woken
/// for it.
class StackTrimmer final : public Deadline {
public:
    explicit StackTrimmer(LoopState& state) : state_(state) {}

    void note_end() noexcept {
        busy_ = true;
        if (!is_set()) [[unlikely]] {
            begin();
        }
    }

private:
    void begin() noexcept;
    void expire() noexcept override;

    LoopState& state_;
    bool busy_ = false;
};

}  // namespace coloop

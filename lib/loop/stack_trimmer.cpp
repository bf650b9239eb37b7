// SPDX-License-Identifier: MIT
#include "loop/stack_trimmer.hpp"

#include "context/stack.hpp"
#include "loop/loop_state.hpp"

namespace coloop {

namespace {

constexpr std::uint64_t trim_after = 1'000'000'000;
constexpr std::uint64_t trim_again_after = 100'000'000;

}  // namespace

void StackTrimmer::begin() noexcept { state_.add(*this, state_.time() + trim_after); }

void StackTrimmer::expire() noexcept {
    const bool more = trim_stacks();
    if (more || busy_) {
        state_.add(*this, state_.time() + (more ? trim_again_after : trim_after));
    }
    busy_ = false;
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include <coloop/loop_channel.hpp>
#include <coloop/remote_wait.hpp>

#include "base/misuse.hpp"
#include "loop/loop_state.hpp"

namespace coloop::detail {

RemoteWait::RemoteWait(const char* operation) noexcept
    : Posted([](Posted& self) noexcept {
          auto& wait = static_cast<RemoteWait&>(self);
          wait.woken_ = true;
          wait.waiter_.wake_one();
      }),
      state_(LoopState::current(operation)),
      waiter_(operation) {
    state_.keep_alive(1);
}

RemoteWait::~RemoteWait() { state_.keep_alive(-1); }

void RemoteWait::wake() noexcept {
    // The loop is there as long as its coroutine waits, and takes in what is posted until then.
    static_cast<void>(state_.mailbox().post(*this));
}

bool RemoteWait::wait() noexcept {
    while (!woken_) {
        if (!waiter_.wait(std::nothrow)) {
            return woken_;
        }
    }
    return true;
}

void RemoteWait::wait_in_shield() noexcept {
    const CancelScope shield(CancelScope::Kind::shield);
    static_cast<void>(wait());
}

void refuse_to_destroy_channel() noexcept {
    misuse(
        "a LoopChannel was destroyed while a coroutine waits to send to it or to receive from it; "
        "close it and let them end first");
}

}  // namespace coloop::detail

// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/co_queue.hpp>
#include <coloop/export.hpp>
#include <coloop/posted.hpp>

namespace coloop {

class LoopState;

namespace detail {

/// The calling coroutine's wait for one wake that may come from another thread. Keeps the loop's
/// run() going meanwhile. Lives in the frame of the function that waits, which must not return
/// while a wake is under way.
class COLOOP_EXPORT RemoteWait : private Posted {
public:
    /// Misuse unless called in a coroutine of a loop. `operation` tells people what it waits for.
    explicit RemoteWait(const char* operation) noexcept;

    RemoteWait(const RemoteWait&) = delete;
    RemoteWait& operator=(const RemoteWait&) = delete;
    ~RemoteWait();

    /// Ends the wait; once, from any thread. The RemoteWait may be gone when this returns.
    void wake() noexcept;

    /// Waits for the wake; false if the coroutine is cancelled first.
    [[nodiscard]] bool wait() noexcept;

    /// Waits for a wake that will come soon, whatever is cancelled.
    void wait_in_shield() noexcept;

private:
    LoopState& state_;
    bool woken_ = false;
    CoQueue waiter_;
};

}  // namespace detail

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>

#include <uv.h>

#include <coloop/posted.hpp>

namespace coloop::detail {

/// What was posted to a loop and has not run yet.
///
/// The protocol: whoever posts takes the lock, sees that the mailbox is open, links the call, and
/// rings the loop's async handle if the mailbox was empty. The loop takes all at once. Closing
/// takes the lock, too, so nobody rings a handle that is being closed; what was taken in before
/// that is run. The mailbox outlives its loop if somebody who may post later has a share in it.
class Mailbox {
public:
    explicit Mailbox(uv_async_t& bell) noexcept : bell_(bell) {}

    /// False if the mailbox is closed; then `call` is still the caller's. Any thread. What was
    /// posted may have run, and be gone, before this returns.
    [[nodiscard]] bool post(Posted& call) noexcept;

    /// Refuses calls from now on.
    void close() noexcept;

    /// Runs what has been posted so far, in its order; on the loop's thread.
    void run() noexcept;

    [[nodiscard]] bool empty() noexcept;

private:
    std::mutex mutex_;
    uv_async_t& bell_;
    Posted* first_ = nullptr;
    Posted* last_ = nullptr;  // if there is a first
    bool open_ = true;
};

}  // namespace coloop::detail

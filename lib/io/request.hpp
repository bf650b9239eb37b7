// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

#include <uv.h>

#include <coloop/co_queue.hpp>

#include "loop/loop_state.hpp"

namespace coloop {

/// A request on libuv's thread pool, and the coroutine that waits for it.
///
/// libuv and a thread of the pool hold pointers into a request until its callback, so it lives on
/// the heap and is let go of with Drop: at once if libuv is done with it, else in the callback.
/// Dropping a request that is under way makes it an orphan, which throws its result away when that
/// comes. The loop's state outlives its orphans.
class PoolRequest {
public:
    /// What becomes of a request when its caller is cancelled. One that no thread has begun with is
    /// taken back; one that is under way is
    enum class Kind : std::uint8_t {
        orphanable,  ///< left alone, as it owns all that it points to: the caller leaves at once
        committed,   ///< the same, and not taken back either: it must happen
        pinned,      ///< waited for, as it uses the caller's memory; its result counts
    };

    struct Drop {
        void operator()(PoolRequest* request) const noexcept { request->drop(); }
    };

    PoolRequest(const PoolRequest&) = delete;
    PoolRequest& operator=(const PoolRequest&) = delete;

    [[nodiscard]] LoopState& state() const noexcept { return state_; }

    /// To be called with what libuv answered when it was asked to start; returns that.
    int started(int status) noexcept;

    /// To be called once by libuv's callback; nothing may be done with the request after it.
    void finished() noexcept;

    /// Waits for the callback; false if the caller was cancelled and there is no result for it.
    [[nodiscard]] bool wait(Kind kind) noexcept;

protected:
    /// `request` is the derived class's own; `reason` tells people what the caller waits for.
    PoolRequest(LoopState& state, uv_req_t* request, const WaitReason& reason) noexcept
        : state_(state), request_(request), caller_(reason.operation, reason.object) {}

    virtual ~PoolRequest() = default;

private:
    /// Undoes what a result that nobody takes stands for: an orphaned open has a file to close.
    virtual void discard() noexcept {}

    [[nodiscard]] bool stay_or_leave(Kind kind) noexcept;
    void drop() noexcept;

    LoopState& state_;
    uv_req_t* request_;
    CoQueue caller_;
    bool pending_ = false;
    bool dropped_ = false;
    bool taken_ = false;  // there was no result, or the caller has it
};

template <typename Request>
using RequestPtr = std::unique_ptr<Request, PoolRequest::Drop>;

}  // namespace coloop

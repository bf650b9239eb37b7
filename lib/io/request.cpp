// SPDX-License-Identifier: MIT
#include "io/request.hpp"

#include <coloop/cancel_scope.hpp>

#include "coroutine/access.hpp"

namespace coloop {

int PoolRequest::started(int status) noexcept {
    if (status == 0) {
        pending_ = true;
        state_.begin_pool_work();
    } else {
        taken_ = true;
    }
    return status;
}

void PoolRequest::finished() noexcept {
    LoopState& state = state_;
    pending_ = false;
    if (dropped_) {
        drop();
    } else {
        caller_.wake_one();
    }
    state.end_pool_work();
}

bool PoolRequest::wait(Kind kind) noexcept {
    std::uint32_t& pending = CoroutineAccess::pending_requests(*Coroutine::self());
    ++pending;
    taken_ = caller_.wait(std::nothrow) || stay_or_leave(kind);
    --pending;
    return taken_;
}

/// For a cancelled caller: true if there will be a result after all, and there is.
bool PoolRequest::stay_or_leave(Kind kind) noexcept {
    const bool taken_back = pending_ && kind != Kind::committed && uv_cancel(request_) == 0;
    if (kind != Kind::pinned) {
        return false;
    }
    const CancelScope shield(CancelScope::Kind::shield);
    while (pending_) {
        static_cast<void>(caller_.wait(std::nothrow));
    }
    return !taken_back;
}

void PoolRequest::drop() noexcept {
    if (pending_) {
        dropped_ = true;
        return;
    }
    if (!taken_) {
        discard();
    }
    delete this;
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <new>

#include <uv.h>

#include <coloop/blocking.hpp>
#include <coloop/cancel_scope.hpp>

#include "io/pool_size.hpp"
#include "io/request.hpp"

namespace coloop {

namespace {

constexpr WaitReason reason{"run a blocking function"};

/// A function that the pool has, or has run. Holds a permit until libuv is done with it.
class WorkRequest final : public PoolRequest {
public:
    WorkRequest(LoopState& state, std::shared_ptr<detail::BlockingCall> call) noexcept
        : PoolRequest(state, reinterpret_cast<uv_req_t*>(&work_), reason), call_(std::move(call)) {
        work_.data = this;
    }

    void start() noexcept {
        started(uv_queue_work(
            state().uv(), &work_,
            [](uv_work_t* work) { static_cast<WorkRequest*>(work->data)->call_->run(); },
            [](uv_work_t* work, int) { static_cast<WorkRequest*>(work->data)->finished(); }));
    }

private:
    ~WorkRequest() override { blocking_permits().release(); }

    uv_work_t work_{};
    std::shared_ptr<detail::BlockingCall> call_;
};

}  // namespace

CoSemaphore& blocking_permits() noexcept {
    thread_local CoSemaphore permits(std::max<std::size_t>(pool_size() - 1, 1));
    return permits;
}

void detail::run_on_pool(const std::shared_ptr<BlockingCall>& call, Abandon abandon) {
    LoopState& state = LoopState::current(reason.operation);
    check_cancelled();
    blocking_permits().acquire();
    const RequestPtr<WorkRequest> request(new (std::nothrow) WorkRequest(state, call));
    if (request == nullptr) {
        blocking_permits().release();
        throw std::bad_alloc();
    }
    request->start();
    if (!request->wait(abandon == Abandon::never ? PoolRequest::Kind::pinned
                                                 : PoolRequest::Kind::orphanable)) {
        throw Cancelled();
    }
}

}  // namespace coloop

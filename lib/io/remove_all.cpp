// SPDX-License-Identifier: MIT
#include <new>
#include <utility>

#include <coloop/blocking.hpp>
#include <coloop/directory.hpp>
#include <coloop/uv_error.hpp>

#include "io/fs_request.hpp"
#include "io/tree_remover.hpp"

namespace coloop {

namespace {

/// A removal that nobody waits for.
class RemoveRequest final : public PoolRequest {
public:
    RemoveRequest(LoopState& state, std::string path) noexcept
        : PoolRequest(state, reinterpret_cast<uv_req_t*>(&work_), {"clean up"}),
          remover_(std::move(path)) {
        work_.data = this;
    }

    void start() noexcept {
        started(uv_queue_work(
            state().uv(), &work_,
            [](uv_work_t* work) {
                while (static_cast<RemoveRequest*>(work->data)->remover_.step()) {
                }
            },
            [](uv_work_t* work, int) { static_cast<RemoveRequest*>(work->data)->finished(); }));
    }

private:
    uv_work_t work_{};
    TreeRemover remover_;
};

}  // namespace

void remove_later(std::string path) noexcept {
    if (LoopState* state = loop_here()) {
        const RequestPtr<RemoveRequest> orphan(new (std::nothrow)
                                                   RemoveRequest(*state, std::move(path)));
        if (orphan != nullptr) {
            orphan->start();
        }
    } else {
        TreeRemover remover(std::move(path));
        while (remover.step()) {
        }
    }
}

Result<std::uint64_t> fs::remove_all(const Path& path, std::nothrow_t /*tag*/) noexcept {
    const PathObject object(path);
    const FsCall call{"remove", object};
    LoopState::current(call.operation);
    if (!object.valid()) {
        return fs_error(call, UV_EINVAL);
    }
    TreeRemover remover(path.string());
    try {
        while (run_blocking([&] { return remover.step(); })) {
        }
    } catch (const Cancelled&) {
        return fs_error(call, Errc::cancelled);
    } catch (const std::bad_alloc&) {
        return fs_error(call, UV_ENOMEM);
    }
    if (remover.error() != 0) {
        return Error(uv_code(remover.error()), call.operation, remover.failed_path());
    }
    return remover.removed();
}

}  // namespace coloop

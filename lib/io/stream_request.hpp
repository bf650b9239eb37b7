// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/cancel_scope.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/result.hpp>
#include <coloop/uv_error.hpp>

#include "coroutine/access.hpp"
#include "io/handle_node.hpp"

namespace coloop {

/// A libuv request on a handle (write, shutdown, connect) in the frame of the coroutine that waits
/// for it. libuv can't take such a request back, but closing the handle ends it with a prompt
/// callback; so that is how one is cancelled, and the frame stays until the callback has come.
template <typename UvRequest>
class StreamRequest {
public:
    StreamRequest(HandleNode& node, const char* operation)
        : node_(node), operation_(operation), done_(operation, &node) {
        uv.data = this;
    }

    StreamRequest(const StreamRequest&) = delete;
    StreamRequest& operator=(const StreamRequest&) = delete;
    ~StreamRequest() = default;

    static void on_done(UvRequest* uv, int status) {
        auto& request = *static_cast<StreamRequest*>(uv->data);
        request.status_ = status;
        request.called_ = true;
        request.done_.wake_one();
    }

    /// `submitted` is what libuv said to the request.
    Result<void> wait(int submitted) noexcept {
        if (submitted != 0) {
            return Error(uv_code(submitted), operation_, node_.describe());
        }
        std::uint32_t& pending = CoroutineAccess::pending_requests(*Coroutine::self());
        ++pending;
        // What was done in the turn in which it was cancelled counts as done.
        const bool cancelled = !done_.wait(std::nothrow) && !called_;
        if (cancelled) {
            node_.start_abort();
            const CancelScope shield(CancelScope::Kind::shield);
            while (!called_) {
                static_cast<void>(done_.wait(std::nothrow));
            }
        }
        --pending;
        if (cancelled) {
            return Error(Errc::cancelled, operation_, node_.describe());
        }
        if (status_ == UV_ECANCELED && node_.closing()) {
            return Error(Errc::closed, operation_, node_.describe());
        }
        if (status_ != 0) {
            return Error(uv_code(status_), operation_, node_.describe());
        }
        return {};
    }

    UvRequest uv;

private:
    HandleNode& node_;
    const char* operation_;
    CoQueue done_;
    int status_ = 0;
    bool called_ = false;
};

}  // namespace coloop

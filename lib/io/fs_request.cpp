// SPDX-License-Identifier: MIT
#include "io/fs_request.hpp"

#include <new>

#include <coloop/uv_error.hpp>

#include "coroutine/access.hpp"

namespace coloop {

LoopState* loop_here() noexcept {
    Coroutine* self = Coroutine::self();
    if (self == nullptr || !CoroutineAccess::scheduler(*self).is_loop) {
        return nullptr;
    }
    return &static_cast<LoopState&>(CoroutineAccess::scheduler(*self));
}

Error fs_error(const FsCall& call, int status) {
    return {uv_code(status), call.operation, call.object.describe()};
}

Error fs_error(const FsCall& call, Errc code) {
    return {code, call.operation, call.object.describe()};
}

Result<FsAnswer> new_fs_request(const FsCall& call, FileUse use) noexcept {
    LoopState& state = LoopState::current(call.operation);
    if (Wait::already_cancelled()) {
        return fs_error(call, Errc::cancelled);
    }
    const WaitReason reason{call.operation, &call.object};
    FsAnswer request(new (std::nothrow) FsRequest(state, reason, std::move(use), call.discard));
    if (request == nullptr) {
        return fs_error(call, UV_ENOMEM);
    }
    return request;
}

Result<FsAnswer> wait_for_fs(const FsCall& call, FsAnswer request, int status) noexcept {
    if (status != 0) {
        return fs_error(call, status);
    }
    if (!request->wait(call.kind)) {
        return fs_error(call, Errc::cancelled);
    }
    if (request->uv.result < 0) {
        return fs_error(call, static_cast<int>(request->uv.result));
    }
    return request;
}

std::string PathObject::describe() const {
    return second_ == nullptr ? path_.string() : path_.string() + " to " + second_->string();
}

bool PathObject::valid() const noexcept {
    return path_.string().find('\0') == std::string::npos &&
           (second_ == nullptr || second_->string().find('\0') == std::string::npos);
}

}  // namespace coloop

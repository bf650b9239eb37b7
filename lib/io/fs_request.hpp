// SPDX-License-Identifier: MIT
#pragma once

#include <new>
#include <string>
#include <utility>

#include <uv.h>

#include <coloop/path.hpp>
#include <coloop/result.hpp>
#include <coloop/wait.hpp>

#include "io/file_node.hpp"
#include "io/request.hpp"

namespace coloop {

/// Undoes what an operation has done whose result nobody takes; only called if it succeeded.
using FsDiscard = void (*)(LoopState& state, const uv_fs_t& request);

/// What a file system operation is called, what it is done to, and how it goes about cancelling.
struct FsCall {
    const char* operation;
    const Describable& object;
    PoolRequest::Kind kind = PoolRequest::Kind::orphanable;
    FsDiscard discard = nullptr;
};

/// A file system request, with the file that it keeps open.
class FsRequest final : public PoolRequest {
public:
    FsRequest(LoopState& state, const WaitReason& reason, FileUse use, FsDiscard undo) noexcept
        : PoolRequest(state, reinterpret_cast<uv_req_t*>(&uv), reason),
          discard_(undo),
          use_(std::move(use)) {
        uv.data = this;
    }

    static void on_done(uv_fs_t* request) { static_cast<FsRequest*>(request->data)->finished(); }

    uv_fs_t uv{};

private:
    ~FsRequest() override { uv_fs_req_cleanup(&uv); }

    void discard() noexcept override {
        if (discard_ != nullptr && uv.result >= 0) {
            discard_(state(), uv);
        }
    }

    FsDiscard discard_;
    FileUse use_;
};

/// A request that has succeeded; what it brought is in `->uv`.
using FsAnswer = RequestPtr<FsRequest>;

/// The Error of an operation that libuv ended with `status`.
Error fs_error(const FsCall& call, int status);
Error fs_error(const FsCall& call, Errc code);

/// What call_fs() does before and after libuv is asked.
Result<FsAnswer> new_fs_request(const FsCall& call, FileUse use) noexcept;
Result<FsAnswer> wait_for_fs(const FsCall& call, FsAnswer request, int status) noexcept;

/// Asks libuv's `start` with `arguments` and waits for the answer.
template <typename Start, typename... Arguments>
Result<FsAnswer> call_fs(const FsCall& call, FileUse use, Start start,
                         Arguments... arguments) noexcept {
    Result<FsAnswer> request = new_fs_request(call, std::move(use));
    if (!request) {
        return request;
    }
    FsRequest& started = **request;
    const int status =
        started.started(start(started.state().uv(), &started.uv, arguments..., FsRequest::on_done));
    return wait_for_fs(call, *std::move(request), status);
}

/// The running coroutine's loop; null if there is none, as for destructors outside coroutines.
LoopState* loop_here() noexcept;

/// Does something that nobody waits for and that nothing can be done about if it fails: on the
/// pool, or at once where there is no loop or no memory for that.
template <typename Start, typename... Arguments>
void forget_fs(LoopState* state, Start start, Arguments... arguments) noexcept {
    if (state != nullptr) {
        const FsAnswer orphan(new (std::nothrow)
                                  FsRequest(*state, {"clean up"}, FileUse(), nullptr));
        if (orphan != nullptr && orphan->started(start(state->uv(), &orphan->uv, arguments...,
                                                       FsRequest::on_done)) == 0) {
            return;
        }
    }
    uv_fs_t request{};
    start(nullptr, &request, arguments..., nullptr);
    uv_fs_req_cleanup(&request);
}

/// The path or paths that an operation is about.
class PathObject final : public Describable {
public:
    explicit PathObject(const Path& path, const Path* second = nullptr) noexcept
        : path_(path), second_(second) {}

    [[nodiscard]] std::string describe() const override;

    /// Paths with a zero byte in them mean no file, but the system would take what is before it.
    [[nodiscard]] bool valid() const noexcept;

private:
    const Path& path_;
    const Path* second_;
};

/// call_fs() for an operation on a path.
template <typename Start, typename... Arguments>
Result<FsAnswer> call_on_path(const char* operation, const Path& path, FsDiscard discard,
                              Start start, Arguments... arguments) noexcept {
    const PathObject object(path);
    const FsCall call{operation, object, PoolRequest::Kind::orphanable, discard};
    if (!object.valid()) {
        return fs_error(call, UV_EINVAL);
    }
    return call_fs(call, FileUse(), start, path.c_str(), arguments...);
}

/// call_fs() for an operation on two paths.
template <typename Start, typename... Arguments>
Result<FsAnswer> call_on_paths(const char* operation, const Path& from, const Path& to, Start start,
                               Arguments... arguments) noexcept {
    const PathObject object(from, &to);
    const FsCall call{operation, object};
    if (!object.valid()) {
        return fs_error(call, UV_EINVAL);
    }
    return call_fs(call, FileUse(), start, from.c_str(), to.c_str(), arguments...);
}

/// For operations that bring nothing but success.
inline Result<void> without_value(const Result<FsAnswer>& answer) noexcept {
    return answer ? Result<void>() : Result<void>(answer.error());
}

/// `take(uv_fs_t&)` of a successful answer.
template <typename Take>
auto taken_from(const Result<FsAnswer>& answer, Take take) noexcept
    -> Result<decltype(take((*answer)->uv))> {
    if (!answer) {
        return answer.error();
    }
    return take((*answer)->uv);
}

}  // namespace coloop

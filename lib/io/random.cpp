// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>

#include <uv.h>

#include <coloop/random.hpp>
#include <coloop/uv_error.hpp>

#include "io/request.hpp"

namespace coloop {

namespace {

constexpr const char* operation = "get random bytes";

/// Has bytes of its own, so that a cancelled caller need not wait.
class RandomRequest final : public PoolRequest {
public:
    RandomRequest(LoopState& state, std::size_t size) noexcept
        : PoolRequest(state, reinterpret_cast<uv_req_t*>(&uv_), {operation}),
          bytes_(new (std::nothrow) std::byte[size]),
          size_(size) {
        uv_.data = this;
    }

    int start() noexcept {
        if (bytes_ == nullptr) {
            return UV_ENOMEM;
        }
        return started(uv_random(state().uv(), &uv_, bytes_.get(), size_, 0,
                                 [](uv_random_t* uv, int status, void*, std::size_t) {
                                     auto* request = static_cast<RandomRequest*>(uv->data);
                                     request->status_ = status;
                                     request->finished();
                                 }));
    }

    [[nodiscard]] int status() const noexcept { return status_; }

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return {bytes_.get(), size_};
    }

private:
    uv_random_t uv_;
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t size_;
    int status_ = 0;
};

}  // namespace

void fill_random(std::span<std::byte> bytes) { fill_random(bytes, std::nothrow).value(); }

Result<void> fill_random(std::span<std::byte> bytes, std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current(operation);
    if (Wait::already_cancelled()) {
        return Error(Errc::cancelled, operation);
    }
    const RequestPtr<RandomRequest> request(new (std::nothrow) RandomRequest(state, bytes.size()));
    if (const int status = request != nullptr ? request->start() : static_cast<int>(UV_ENOMEM)) {
        return Error(uv_code(status), operation);
    }
    if (!request->wait(PoolRequest::Kind::orphanable)) {
        return Error(Errc::cancelled, operation);
    }
    if (request->status() != 0) {
        return Error(uv_code(request->status()), operation);
    }
    std::copy(request->bytes().begin(), request->bytes().end(), bytes.begin());
    return {};
}

}  // namespace coloop

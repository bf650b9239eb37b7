// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

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
    RandomRequest(LoopState& state, std::size_t size)
        : PoolRequest(state, reinterpret_cast<uv_req_t*>(&uv_), {operation}), bytes_(size) {
        uv_.data = this;
    }

    int start() noexcept {
        return started(uv_random(state().uv(), &uv_, bytes_.data(), bytes_.size(), 0,
                                 [](uv_random_t* uv, int status, void*, std::size_t) {
                                     auto* request = static_cast<RandomRequest*>(uv->data);
                                     request->status_ = status;
                                     request->finished();
                                 }));
    }

    [[nodiscard]] int status() const noexcept { return status_; }

    [[nodiscard]] const std::vector<std::byte>& bytes() const noexcept { return bytes_; }

private:
    uv_random_t uv_;
    std::vector<std::byte> bytes_;
    int status_ = 0;
};

}  // namespace

void fill_random(std::span<std::byte> bytes) { fill_random(bytes, std::nothrow).value(); }

Result<void> fill_random(std::span<std::byte> bytes, std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current(operation);
    if (Wait::already_cancelled()) {
        return Error(Errc::cancelled, operation);
    }
    const RequestPtr<RandomRequest> request(new RandomRequest(state, bytes.size()));
    if (const int status = request->start()) {
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

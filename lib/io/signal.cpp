// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <uv.h>

#include <coloop/error.hpp>
#include <coloop/signal.hpp>
#include <coloop/uv_error.hpp>

#include "io/handle_node.hpp"

namespace coloop {

namespace {

/// One signal, watched for a coroutine that waits for several.
class SignalNode final : public HandleNode {
public:
    SignalNode(LoopState& state, int number, CoQueue& waiter, int& arrived)
        : HandleNode(state), number_(number), waiter_(&waiter), arrived_(&arrived) {}

    int start() noexcept {
        if (const int status = uv_signal_init(state().uv(), &signal_)) {
            return status;
        }
        opened();
        return uv_signal_start(
            &signal_,
            [](uv_signal_t* signal, int number) {
                auto* node = static_cast<SignalNode*>(static_cast<HandleNode*>(signal->data));
                if (node->waiter_ != nullptr) {
                    *node->arrived_ = number;
                    node->waiter_->wake_one();
                }
            },
            number_);
    }

    void forget_waiter() noexcept { waiter_ = nullptr; }

    [[nodiscard]] std::string describe() const override {
        return "signal " + std::to_string(number_);
    }

private:
    void wake_all() noexcept override {}

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&signal_);
    }

    uv_signal_t signal_;
    int number_;
    CoQueue* waiter_;
    int* arrived_;
};

/// The signals that one call watches; closes them however the call ends.
struct Watched {
    std::vector<NodePtr<SignalNode>> nodes;

    ~Watched() {
        for (const auto& node : nodes) {
            node->forget_waiter();
            node->start_close();
        }
    }
};

}  // namespace

int wait_for_signal(std::initializer_list<int> signals) {
    return wait_for_signal(signals, std::nothrow).value();
}

Result<int> wait_for_signal(std::initializer_list<int> signals, std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("wait for a signal");
    CoQueue waiter("wait for a signal");
    int arrived = 0;
    Watched watched;
    for (const int number : signals) {
        watched.nodes.emplace_back(new SignalNode(state, number, waiter, arrived));
        if (const int status = watched.nodes.back()->start()) {
            return Error(uv_code(status), "wait for", watched.nodes.back()->describe());
        }
    }
    while (arrived == 0) {
        if (!waiter.wait(std::nothrow)) {
            return Error(Errc::cancelled, "wait for a signal");
        }
    }
    return arrived;
}

}  // namespace coloop

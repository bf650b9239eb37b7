// SPDX-License-Identifier: MIT
#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include <uv.h>

#include <coloop/signal.hpp>
#include <coloop/uv_error.hpp>

#include "base/misuse.hpp"
#include "io/handle_node.hpp"

namespace coloop {

namespace {

/// What gets a set's signals.
class Recipient {
public:
    virtual void on_signal(int number) noexcept = 0;

protected:
    ~Recipient() = default;
};

/// One signal of a set.
class SignalNode final : public HandleNode {
public:
    SignalNode(LoopState& state, int number, Recipient& recipient)
        : HandleNode(state), number_(number), recipient_(&recipient) {}

    int start() noexcept {
        if (const int status = uv_signal_init(state().uv(), &signal_)) {
            return status;
        }
        opened();
        uv_unref(handle());
        return uv_signal_start(
            &signal_,
            [](uv_signal_t* signal, int number) {
                auto* node = static_cast<SignalNode*>(static_cast<HandleNode*>(signal->data));
                if (node->recipient_ != nullptr) {
                    ++node->received_;
                    node->recipient_->on_signal(number);
                }
            },
            number_);
    }

    /// Whether somebody waits for it, for whom the loop must go on.
    void set_wanted(bool wanted) noexcept { wanted ? uv_ref(handle()) : uv_unref(handle()); }

    void stop() noexcept {
        recipient_ = nullptr;
        start_close();
    }

    [[nodiscard]] int number() const noexcept { return number_; }

    [[nodiscard]] std::uint64_t received() const noexcept { return received_; }

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
    Recipient* recipient_;
    std::uint64_t received_ = 0;
};

}  // namespace

/// Outlives the SignalSet for those who wait.
class SignalSet::State final : public Recipient {
public:
    explicit State(LoopState& loop) noexcept : loop_(loop) {}

    State(const State&) = delete;
    State& operator=(const State&) = delete;

    ~State() { close(); }

    Result<void> start(std::span<const int> signals) {
        for (const int number : signals) {
            nodes_.emplace_back(new SignalNode(loop_, number, *this));
            if (const int status = nodes_.back()->start()) {
                return Error(uv_code(status), "wait for", nodes_.back()->describe());
            }
        }
        return {};
    }

    Result<int> wait() noexcept {
        if (&LoopState::current("wait for a signal") != &loop_) {
            misuse("cannot wait for a signal on another loop than the one the SignalSet is of");
        }
        if (Wait::already_cancelled()) {
            return Error(Errc::cancelled, "wait for a signal");
        }
        bool cancelled = false;
        while (arrived_.empty() && !closed_ && !cancelled) {
            set_wanted(true);  // each time: who took what this one was woken for has said otherwise
            cancelled = !waiters_.wait(std::nothrow);
        }
        set_wanted(!waiters_.empty());
        if (cancelled || closed_) {
            return Error(cancelled ? Errc::cancelled : Errc::closed, "wait for a signal");
        }
        const int first = arrived_.front();
        arrived_.pop_front();
        return first;
    }

    void close() noexcept {
        closed_ = true;
        for (const auto& node : nodes_) {
            node->stop();
        }
        waiters_.wake_all();
    }

    [[nodiscard]] std::uint64_t received(int number) const noexcept {
        const auto node = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& candidate) {
            return candidate->number() == number;
        });
        return node == nodes_.end() ? 0 : (*node)->received();
    }

private:
    void on_signal(int number) noexcept override {
        if (std::find(arrived_.begin(), arrived_.end(), number) == arrived_.end()) {
            arrived_.push_back(number);
            waiters_.wake_one();
        }
    }

    void set_wanted(bool wanted) noexcept {
        for (const auto& node : nodes_) {
            if (!node->closing()) {
                node->set_wanted(wanted);
            }
        }
    }

    LoopState& loop_;
    std::vector<NodePtr<SignalNode>> nodes_;
    std::deque<int> arrived_;  // each at most once
    CoQueue waiters_{"wait for a signal"};
    bool closed_ = false;
};

SignalSet::SignalSet(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

SignalSet::SignalSet(SignalSet&& other) noexcept = default;

SignalSet& SignalSet::operator=(SignalSet&& other) noexcept {
    SignalSet taken(std::move(other));
    std::swap(state_, taken.state_);
    return *this;
}

SignalSet::~SignalSet() { close(); }

Result<SignalSet> SignalSet::watch(std::span<const int> signals, std::nothrow_t /*tag*/) noexcept {
    const auto state = std::make_shared<State>(LoopState::current("wait for a signal"));
    if (const Result<void> started = state->start(signals); !started) {
        return started.error();
    }
    return SignalSet(state);
}

Result<int> SignalSet::wait(std::nothrow_t /*tag*/) noexcept {
    if (state_ == nullptr) {
        return Error(Errc::closed, "wait for a signal");
    }
    const std::shared_ptr<State> hold = state_;
    return hold->wait();
}

std::uint64_t SignalSet::received(int number) const noexcept {
    return state_ == nullptr ? 0 : state_->received(number);
}

void SignalSet::close() noexcept {
    if (state_ != nullptr) {
        state_->close();
    }
}

int wait_for_signal(std::initializer_list<int> signals) {
    return wait_for_signal(signals, std::nothrow).value();
}

Result<int> wait_for_signal(std::initializer_list<int> signals, std::nothrow_t tag) noexcept {
    Result<SignalSet> set = SignalSet::watch(signals, tag);
    return set ? set->wait(tag) : Result<int>(set.error());
}

}  // namespace coloop

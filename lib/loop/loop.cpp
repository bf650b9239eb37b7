// SPDX-License-Identifier: MIT
#include <csignal>

#include <coloop/loop.hpp>
#include <coloop/overflow.hpp>

#include "loop/loop_state.hpp"

namespace coloop {

namespace {

void ignore_sigpipe_unless_handled() noexcept {
    struct sigaction action {};

    if (sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
        action.sa_handler = SIG_IGN;
        sigaction(SIGPIPE, &action, nullptr);
    }
}

}  // namespace

Loop::Loop() : state_(LoopState::create().value()) {
    ignore_sigpipe_unless_handled();
    report_stack_overflow();
}

Loop::Loop(uv_loop_s* uv) : state_(LoopState::attach(uv).value()) {}

Loop::~Loop() {
    if (state_ == nullptr) {
        return;
    }
    if (state_->owned()) {
        state_->stop_owned();
    } else {
        state_->leave({});
    }
}

Result<void> Loop::start(Coroutine* coroutine, const CoroutineOptions& options) noexcept {
    return state_->start(coroutine, options.name);
}

void Loop::post(std::function<void()> function) { state_->post(std::move(function)); }

bool Loop::run() { return state_->run(); }

void Loop::cancel() noexcept { state_->root().cancel(); }

void Loop::detach(std::function<void()> done) {
    LoopState* state = state_;
    state_ = nullptr;
    state->leave(std::move(done));
}

uv_loop_s* Loop::uv() const noexcept { return state_->uv(); }

uv_loop_s* Loop::current_uv() { return LoopState::current("use the loop").uv(); }

Loop::KeepAlive::KeepAlive(Loop& loop) : state_(*loop.state_) { state_.keep_alive(1); }

Loop::KeepAlive::~KeepAlive() { state_.keep_alive(-1); }

Loop::Root::Root(LoopState& state) noexcept : state_(state), scope_(state.root()) {}

Loop::Root::~Root() { state_.end_coroutine(); }

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include <csignal>

#include <coloop/loop.hpp>
#include <coloop/overflow.hpp>

#include "base/misuse.hpp"
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

/// Both first, for they may fail, and a state that was made must be left.
LoopState* Loop::create() {
    ignore_sigpipe_unless_handled();
    report_stack_overflow();
    return LoopState::create().value();
}

Loop::Loop() : state_(create()), role_(Role::owner) {}

Loop::Loop(uv_loop_s* uv) : state_(LoopState::attach(uv).value()), role_(Role::guest) {}

Loop::~Loop() {
    if (role_ == Role::owner) {
        state_->stop_owned();
    } else if (role_ == Role::guest) {
        state_->leave();
    }
    state_->release();
}

bool Loop::take_in(detail::Posted& posted) noexcept { return state_->post(posted); }

bool Loop::run() {
    if (role_ != Role::owner) {
        misuse("run: this Loop has borrowed its uv loop, which is run by its owner, with uv_run()");
    }
    return state_->run();
}

void Loop::cancel() noexcept { state_->root().cancel(); }

void Loop::detach(std::function<void()> done) {
    if (role_ == Role::owner) {
        misuse("detach: this Loop owns its uv loop; destroy it instead");
    }
    if (role_ == Role::guest) {
        role_ = Role::detached;
        state_->leave();
    }
    state_->call_when_left(std::move(done));
}

uv_loop_s* Loop::uv() const noexcept { return state_->uv(); }

uv_loop_s* Loop::current_uv() { return LoopState::current("use the loop").uv(); }

Loop::KeepAlive::KeepAlive(Loop& loop) : state_(*loop.state_) { state_.keep_alive(1); }

Loop::KeepAlive::~KeepAlive() { state_.keep_alive(-1); }

Loop::Root::Root(LoopState& state) noexcept
    : state_(state), scope_(CancelScope::Below{state.root()}) {}

Loop::Root::~Root() { state_.end_coroutine(); }

}  // namespace coloop

// SPDX-License-Identifier: MIT
#include "c_api/loop.hpp"

using coloop::handle_of;
using coloop::LoopState;
using coloop::state_of;

coloop_loop* coloop_loop_attach(uv_loop_s* uv) {
    const auto state = LoopState::attach(uv);
    return state ? handle_of(**state) : nullptr;
}

void coloop_loop_detach(coloop_loop* loop) { coloop_loop_detach_then(loop, nullptr, nullptr); }

void coloop_loop_detach_then(coloop_loop* loop, void (*done)(void*), void* argument) {
    LoopState& state = state_of(loop);
    state.leave();
    if (done != nullptr) {
        state.call_when_left([done, argument] { done(argument); });
    }
    state.release();
}

void coloop_loop_post(coloop_loop* loop, void (*function)(void*), void* argument) {
    state_of(loop).post_function([function, argument] { function(argument); });
}

uv_loop_s* coloop_loop_uv(const coloop_loop* loop) { return state_of(loop).uv(); }

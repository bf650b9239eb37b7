// SPDX-License-Identifier: MIT
#include "c_api/loop.hpp"

#include <string>

#include "base/misuse.hpp"
#include "c_api/guarded.hpp"
#include "loop/loop_access.hpp"

using coloop::handle_of;
using coloop::LoopAccess;
using coloop::LoopState;
using coloop::state_of;

namespace {

LoopState& owned(coloop_loop* loop, const char* operation) noexcept {
    LoopState& state = state_of(loop);
    if (!state.is_owned()) {
        coloop::misuse(std::string(operation) +
                       ": this loop is attached to a uv loop, which belongs to its host");
    }
    return state;
}

}  // namespace

coloop_loop* coloop_loop_new() {
    coloop_loop* loop = nullptr;
    coloop::c_api::guarded([&] {
        loop = handle_of(*LoopAccess::create());
        return 0;
    });
    return loop;
}

int coloop_loop_run(coloop_loop* loop) { return owned(loop, "run a loop").run() ? 0 : 1; }

void coloop_loop_cancel(coloop_loop* loop) { state_of(loop).root().cancel(); }

void coloop_loop_keep_alive(coloop_loop* loop, bool on) { state_of(loop).keep_alive(on ? 1 : -1); }

void coloop_loop_free(coloop_loop* loop) {
    LoopState& state = owned(loop, "free a loop");
    state.stop_owned();
    state.release();
}

coloop_loop* coloop_loop_attach(uv_loop_s* uv) {
    const auto state = LoopState::attach(uv);
    return state ? handle_of(**state) : nullptr;
}

void coloop_loop_detach(coloop_loop* loop) { coloop_loop_detach_then(loop, nullptr, nullptr); }

void coloop_loop_detach_then(coloop_loop* loop, void (*done)(void*), void* argument) {
    LoopState& state = state_of(loop);
    if (state.is_owned()) {
        coloop::misuse("detach a loop: coloop owns this one; free it instead");
    }
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

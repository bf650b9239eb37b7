// SPDX-License-Identifier: MIT
//
// The end of a loop: its coroutines are cancelled and end, then the internal handles are closed,
// and only when libuv has let go of them may the state be freed. A borrowed loop does all of that
// in its host's rounds; an owned one is run until it is done.
#include <string>
#include <utility>

#include "base/misuse.hpp"
#include "coroutine/access.hpp"
#include "coroutine/report.hpp"
#include "loop/loop_state.hpp"

namespace coloop {

void LoopState::leave() noexcept {
    require_thread("leave a loop");
    if (--users_ > 0) {
        return;
    }
    phase_ = Phase::leaving;
    LoopState** link = &newest;
    while (*link != this) {
        link = &(*link)->next_on_thread_;
    }
    *link = next_on_thread_;
    if (detail::thread.scheduler == this) {
        detail::thread.scheduler = newest;
    }
    root_.cancel();
    come_back_soon();
}

void LoopState::call_when_left(std::function<void()> done) {
    if (!done) {
        return;
    }
    switch (phase_) {
        case Phase::running:
            post_function(std::move(done));
            break;
        case Phase::leaving:
        case Phase::closing:
            done_.push_back(std::move(done));
            break;
        case Phase::closed:
            done();
            break;
    }
}

void LoopState::stop_owned() noexcept {
    require_standstill("destroy a Loop");
    if (users_ > 1) {
        misuse("a Loop was destroyed while another one shares its uv loop; destroy that first");
    }
    leave();
    while (coroutines_ > 0 && uv_run(uv_, UV_RUN_ONCE) != 0) {
    }
    // What is being closed may end, and so may requests; what is merely open would run for ever.
    uv_walk(
        uv_,
        [](uv_handle_t* handle, void* idle) {
            if (uv_is_closing(handle) == 0 && handle != idle) {
                uv_unref(handle);
            }
        },
        &idle_);
    uv_run(uv_, UV_RUN_DEFAULT);
    if (phase_ != Phase::closed) {
        report_deadlock();
        misuse(
            "a Loop was destroyed while coroutines wait on it that do not end when cancelled, "
            "or while objects of it exist");
    }
    if (uv_loop_close(uv_) != 0) {
        uv_print_all_handles(uv_, stderr);
        misuse(
            "a Loop was destroyed while the libuv handles above were open on it; close them "
            "first");
    }
}

/// True if nobody is left who needs the loop that is being left.
bool LoopState::may_close() noexcept {
    if (work_ > 0 || ready() > 0) {
        return false;
    }
    mailbox_->close();
    run_posted();
    return work_ == 0 && ready() == 0;  // what was posted may have opened something
}

void LoopState::close_handles() noexcept {
    phase_ = Phase::closing;
    forget_bare_coroutines();
    if (trimmer_.is_set()) {
        deadlines_.remove(trimmer_);
    }
    if (!deadlines_.empty()) {
        misuse(
            "the Loop is gone on which a coroutine that was not spawned has a timeout open; spawn "
            "coroutines that use a loop");
    }
    for (uv_handle_t* handle : {as_handle(async_), as_handle(prepare_), as_handle(check_),
                                as_handle(idle_), as_handle(timer_)}) {
        uv_close(handle, [](uv_handle_t* closed) { of(closed).on_closed(); });
    }
}

/// Those that were not spawned but made while this was the thread's loop, and are still there.
void LoopState::forget_bare_coroutines() noexcept {
    for_each_coroutine([this](const Coroutine& coroutine) {
        if (&CoroutineAccess::scheduler(coroutine) != this) {
            return;
        }
        if (CoroutineAccess::waits(coroutine)) {
            misuse(describe_state(coroutine, time()) +
                   ", but the Loop that would run it again is gone; spawn coroutines that wait, "
                   "or let them end first");
        }
        CoroutineAccess::scheduler(const_cast<Coroutine&>(coroutine), Scheduler::without_loop());
    });
}

void LoopState::on_closed() noexcept {
    if (--open_handles_ > 0) {
        return;
    }
    phase_ = Phase::closed;
    const auto done = std::move(done_);
    if (objects_ == 0) {
        delete this;
    }
    for (const auto& function : done) {
        function();
    }
}

void LoopState::release() noexcept {
    if (--objects_ == 0 && phase_ == Phase::closed) {
        delete this;
    }
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
//
// How a loop begins and what it is asked for; how it drains its queue is in loop_drain.cpp, how it
// takes work from other threads in loop_post.cpp, and how it ends in loop_leave.cpp.
#include "loop/loop_state.hpp"

#include <cstdio>
#include <string>

#include <coloop/uv_error.hpp>

#include "base/misuse.hpp"
#include "coroutine/access.hpp"
#include "coroutine/report.hpp"

namespace coloop {

constinit thread_local LoopState* LoopState::newest = nullptr;

LoopState::LoopState(std::unique_ptr<uv_loop_t> own, uv_loop_t* uv) noexcept
    : Scheduler(true), own_(std::move(own)), uv_(uv) {}

Result<LoopState*> LoopState::create() noexcept {
    std::unique_ptr<uv_loop_t> own(new (std::nothrow) uv_loop_t);
    int status = own ? uv_loop_init(own.get()) : UV_ENOMEM;
    if (status != 0) {
        return Error(uv_code(status), "create a loop");
    }
    uv_loop_t* uv = own.get();
    auto* state = new (std::nothrow) LoopState(std::move(own), uv);
    status = state != nullptr ? state->open_handles() : UV_ENOMEM;
    if (status != 0) {
        uv_loop_close(uv);
        delete state;
        return Error(uv_code(status), "create a loop");
    }
    return state;
}

LoopState* LoopState::find(const uv_loop_t* uv) noexcept {
    for (LoopState* state = newest; state != nullptr; state = state->next_on_thread_) {
        if (state->uv_ == uv && state->phase_ == Phase::running) {
            return state;
        }
    }
    return nullptr;
}

Result<LoopState*> LoopState::attach(uv_loop_t* uv) noexcept {
    if (LoopState* state = find(uv)) {
        ++state->users_;
        ++state->objects_;
        return state;
    }
    auto* state = new (std::nothrow) LoopState(nullptr, uv);
    if (const int status = state != nullptr ? state->open_handles() : UV_ENOMEM; status != 0) {
        delete state;
        return Error(uv_code(status), "attach to a loop");
    }
    return state;
}

/// On failure, nothing is open.
int LoopState::open_handles() noexcept {
    // Only the async handle takes anything from the system, so only it can fail; it goes first.
    if (const int status =
            uv_async_init(uv_, &async_, [](uv_async_t* handle) { of(handle).run_posted(); })) {
        return status;
    }
    uv_prepare_init(uv_, &prepare_);
    uv_check_init(uv_, &check_);
    uv_idle_init(uv_, &idle_);
    uv_timer_init(uv_, &timer_);
    open_handles_ = handle_count;
    for (uv_handle_t* handle : {as_handle(async_), as_handle(prepare_), as_handle(check_),
                                as_handle(idle_), as_handle(timer_)}) {
        handle->data = this;
    }
    uv_prepare_start(&prepare_, [](uv_prepare_t*) { require_own_stack(); });
    uv_check_start(&check_, [](uv_check_t* handle) {
        LoopState& state = of(handle);
        state.poll_first_ = false;
        if (!state.next_turn_.empty()) {
            state.wake_from_poll([&] { state.next_turn_.wake_all(); });
        }
        state.drain();
    });
    uv_unref(as_handle(async_));
    uv_unref(as_handle(prepare_));
    uv_unref(as_handle(check_));
    next_on_thread_ = newest;
    newest = this;
    if (detail::thread.scheduler == nullptr) {
        detail::thread.scheduler = this;
    }
    return 0;
}

LoopState& LoopState::current(const char* operation) noexcept {
    const Coroutine* self = Coroutine::self();
    if (self == nullptr || !CoroutineAccess::scheduler(*self).is_loop) [[unlikely]] {
        refuse_without_loop(operation);
    }
    return static_cast<LoopState&>(CoroutineAccess::scheduler(*self));
}

/// Not inline, so that current() needs no room for a text.
[[gnu::noinline]] void LoopState::refuse_without_loop(const char* operation) noexcept {
    const Coroutine* self = Coroutine::self();
    if (self == nullptr) {
        misuse(std::string("cannot ") + operation +
               " outside a coroutine; spawn one on the loop and call this in it");
    }
    misuse(std::string("cannot ") + operation + " in " + describe(*self) +
           ", which was made before there was a Loop on its thread; make the Loop first");
}

std::uint64_t LoopState::time_here() noexcept {
    const Scheduler& scheduler = Scheduler::current();
    return scheduler.is_loop ? static_cast<const LoopState&>(scheduler).time() : uv_hrtime();
}

Result<void> LoopState::start(Result<Coroutine*>&& coroutine, std::string_view name) noexcept {
    require_thread("spawn");
    if (!coroutine || phase_ != Phase::running) [[unlikely]] {
        return refuse_to_start(coroutine, name);
    }
    Coroutine& started = **coroutine;
    CoroutineAccess::scheduler(started, *this);
    ++coroutines_;
    begin_work();
    if (hooks_ != nullptr) [[unlikely]] {
        hooks_->spawned(started);
    }
    // So a tree of coroutines grows branch by branch, and not level by level with a stack for each.
    make_ready_ahead(started);
    return {};
}

/// For a coroutine that could not be made, or that comes too late. Not inline, so that start()
/// needs no room for an error.
[[gnu::noinline]] Result<void> LoopState::refuse_to_start(const Result<Coroutine*>& coroutine,
                                                          std::string_view name) noexcept {
    if (!coroutine) {
        return coroutine.error();
    }
    (*coroutine)->~Coroutine();
    return Error(Errc::closed, "spawn on a loop that is being left", name);
}

/// Here, so that spawning makes one call less.
Result<void> Loop::start(Result<Coroutine*>&& coroutine, std::string_view name) noexcept {
    return state_->start(std::move(coroutine), name);
}

void LoopState::opened(const Describable& handle) noexcept {
    begin_work();
    if (hooks_ != nullptr) {
        hooks_->opened(handle);
    }
}

void LoopState::closed(const Describable& handle) noexcept {
    if (hooks_ != nullptr) {
        hooks_->closed(handle);
    }
    end_work();
}

void LoopState::keep_alive(int change) noexcept {
    require_thread("keep a loop alive");
    keep_alive_ += change;
    keep_alive_ > 0 ? uv_ref(as_handle(async_)) : uv_unref(as_handle(async_));
}

void LoopState::require_thread(const char* operation) const noexcept {
    if (thread_ != &detail::thread) [[unlikely]] {
        misuse(std::string(operation) +
               ": the Loop belongs to another thread; post() a function to it that does this");
    }
}

void LoopState::require_standstill(const char* operation) const noexcept {
    require_thread(operation);
    if (in_coroutine()) {
        misuse(std::string(operation) + ": not possible in " + describe(*Coroutine::self()) +
               "; a loop is run outside coroutines, and in one you wait for what you need");
    }
    if (running_) {
        misuse(std::string(operation) +
               ": the loop runs already; let the callback that called this return instead");
    }
}

bool LoopState::run() {
    require_standstill("run a Loop");
    running_ = true;
    do {
        run_posted();
        uv_run(uv_, UV_RUN_DEFAULT);
    } while (uv_loop_alive(uv_) == 0 && !mailbox_->empty());
    running_ = false;
    if (coroutines_ == 0 || uv_loop_alive(uv_) != 0) {
        return true;
    }
    report_deadlock();
    return false;
}

void LoopState::set_hooks(LoopHooks* hooks) noexcept {
    hooks_ = hooks;
    armed_for_ = 0;
    uv_timer_stop(&timer_);
    arm_timer();
}

void LoopState::report_deadlock() const {
    std::fputs("coloop: deadlock: nothing can wake the coroutines that are left\n", stderr);
    for_each_coroutine([this](const Coroutine& coroutine) {
        if (&CoroutineAccess::scheduler(coroutine) == this) {
            std::fprintf(stderr, "  %s\n", describe_state(coroutine, time()).c_str());
        }
    });
}

}  // namespace coloop

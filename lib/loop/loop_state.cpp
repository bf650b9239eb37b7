// SPDX-License-Identifier: MIT
#include "loop/loop_state.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

#include <coloop/uv_error.hpp>

#include "base/misuse.hpp"
#include "context/stack.hpp"
#include "coroutine/access.hpp"
#include "coroutine/report.hpp"

namespace coloop {

namespace {

// One drain gives way to the loop after so many coroutines or so much time, whichever is first.
constexpr std::size_t drain_limit = 256;
constexpr std::uint64_t drain_time = 500'000;
constexpr std::size_t looks_at_clock_every = 16;

constexpr std::uint64_t trim_after = 1'000'000'000;
constexpr std::uint64_t trim_again_after = 100'000'000;

constexpr int handle_count = 5;

// The loops of this thread that coloop is on, newest first, linked.
constinit thread_local LoopState* states = nullptr;

LoopState& state_of(const void* handle) {
    return *static_cast<LoopState*>(static_cast<const uv_handle_t*>(handle)->data);
}

template <typename Handle>
uv_handle_t* as_handle(Handle& handle) {
    return reinterpret_cast<uv_handle_t*>(&handle);
}

}  // namespace

LoopState::LoopState(std::unique_ptr<uv_loop_t> own, uv_loop_t* uv) noexcept
    : Scheduler(true), own_(std::move(own)), uv_(uv) {}

Result<LoopState*> LoopState::create() noexcept {
    auto own = std::make_unique<uv_loop_t>();
    if (const int status = uv_loop_init(own.get()); status != 0) {
        return Error(uv_code(status), "create a loop");
    }
    uv_loop_t* uv = own.get();
    auto* state = new LoopState(std::move(own), uv);
    if (const int status = state->open_handles(); status != 0) {
        uv_loop_close(uv);
        delete state;
        return Error(uv_code(status), "create a loop");
    }
    return state;
}

Result<LoopState*> LoopState::attach(uv_loop_t* uv) noexcept {
    for (LoopState* state = states; state != nullptr; state = state->next_on_thread_) {
        if (state->uv_ == uv && state->phase_ == Phase::running) {
            ++state->users_;
            ++state->objects_;
            return state;
        }
    }
    auto* state = new LoopState(nullptr, uv);
    if (const int status = state->open_handles(); status != 0) {
        delete state;
        return Error(uv_code(status), "attach to a loop");
    }
    return state;
}

/// On failure, nothing is open.
int LoopState::open_handles() noexcept {
    // Only the async handle takes anything from the system, so only it can fail; it goes first.
    if (const int status = uv_async_init(
            uv_, &async_, [](uv_async_t* handle) { state_of(handle).run_posted(); })) {
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
    uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { state_of(handle).drain(); });
    uv_check_start(&check_, [](uv_check_t* handle) {
        LoopState& state = state_of(handle);
        state.next_turn_.wake_all();
        state.drain();
    });
    uv_unref(as_handle(async_));
    uv_unref(as_handle(prepare_));
    uv_unref(as_handle(check_));
    next_on_thread_ = states;
    states = this;
    if (detail::thread.scheduler == nullptr) {
        detail::thread.scheduler = this;
    }
    return 0;
}

LoopState& LoopState::current(const char* operation) noexcept {
    Coroutine* self = Coroutine::self();
    if (self == nullptr) {
        misuse(std::string("cannot ") + operation +
               " outside a coroutine; spawn one on the loop and call this in it");
    }
    Scheduler& scheduler = CoroutineAccess::scheduler(*self);
    if (!scheduler.is_loop) {
        misuse(std::string("cannot ") + operation + " in " + describe(*self) +
               ", which was made before there was a Loop on its thread; make the Loop first");
    }
    return static_cast<LoopState&>(scheduler);
}

void LoopState::became_ready() noexcept { come_back_soon(); }

/// Has drain() called without libuv blocking or returning first.
void LoopState::come_back_soon() noexcept {
    if (!draining_) {
        uv_idle_start(&idle_, [](uv_idle_t*) {});
    }
}

bool LoopState::wait_turn() noexcept {
    come_back_soon();
    return next_turn_.wait(std::nothrow);
}

void LoopState::drain() {
    if (in_coroutine()) [[unlikely]] {
        misuse("uv_run() was called in " + describe(*Coroutine::self()) +
               "; a loop runs on its thread's own stack, and in a coroutine one waits instead");
    }
    const std::size_t batch = std::min(ready(), drain_limit);
    if (batch > 0) {
        now = time();
        draining_ = true;
        for (std::size_t i = 0; i < batch; ++i) {
            if (i % looks_at_clock_every == looks_at_clock_every - 1 && time() - now > drain_time) {
                break;
            }
            run_next();
        }
        draining_ = false;
    }
    after_drain();
}

void LoopState::after_drain() noexcept {
    if (phase_ == Phase::leaving && may_close()) [[unlikely]] {
        close_handles();
        return;
    }
    if (ready() > 0 || !next_turn_.empty() || posted_here_) {
        come_back_soon();
    } else {
        uv_idle_stop(&idle_);
    }
    arm_timer();
}

/// True if nobody is left who needs the loop that is being left.
bool LoopState::may_close() noexcept {
    if (work_ > 0 || ready() > 0) {
        return false;
    }
    {
        const std::lock_guard lock(posted_mutex_);
        accepts_posts_ = false;
    }
    run_posted();
    return ready() == 0;
}

void LoopState::add(Deadline& deadline, std::uint64_t when) {
    deadlines_.add(deadline, when);
    if (!draining_) {
        arm_timer();
    }
}

void LoopState::remove(Deadline& deadline) noexcept {
    deadlines_.remove(deadline);
    if (!draining_) {
        arm_timer();
    }
}

/// The timer may be armed too early, after the deadline it was armed for was removed: then it fires
/// once for nothing, which is cheaper than arming it anew for each timeout that did not happen.
void LoopState::arm_timer() noexcept {
    if (phase_ >= Phase::closing) {
        return;
    }
    if (deadlines_.empty()) {
        if (armed_for_ != 0) {
            armed_for_ = 0;
            uv_timer_stop(&timer_);
        }
        return;
    }
    const bool awaited = deadlines_.size() > (trimmer_.is_set() ? 1U : 0U);
    if (awaited != (uv_has_ref(as_handle(timer_)) != 0)) {
        awaited ? uv_ref(as_handle(timer_)) : uv_unref(as_handle(timer_));
    }
    const std::uint64_t next = deadlines_.next();
    if (armed_for_ != 0 && armed_for_ <= next) {
        return;
    }
    armed_for_ = next;
    uv_update_time(uv_);
    const std::uint64_t now_ns = time();
    const std::uint64_t milliseconds = next > now_ns ? (next - now_ns + 999'999) / 1'000'000 : 0;
    uv_timer_start(
        &timer_,
        [](uv_timer_t* handle) {
            LoopState& state = state_of(handle);
            // libuv counts whole milliseconds of a cached time and may call early; what is not due
            // stays, and the timer is armed for it again.
            state.armed_for_ = 0;
            state.deadlines_.expire(state.time());
            state.arm_timer();
        },
        milliseconds, 0);
}

Result<void> LoopState::start(Coroutine* coroutine, std::string_view name) noexcept {
    require_thread("spawn");
    if (coroutine == nullptr) {
        return Error(std::make_error_code(std::errc::not_enough_memory), "create coroutine", name);
    }
    if (phase_ != Phase::running) {
        coroutine->~Coroutine();
        return Error(Errc::closed, "spawn on a loop that is being left", name);
    }
    CoroutineAccess::scheduler(*coroutine, *this);
    ++coroutines_;
    begin_work();
    trimmer_.note_spawn();
    make_ready(*coroutine);
    return {};
}

void LoopState::end_work() noexcept {
    --work_;
    if (work_ == 0 && phase_ == Phase::leaving) {
        come_back_soon();
    }
}

void LoopState::end_coroutine() noexcept {
    --coroutines_;
    end_work();
}

void LoopState::post(std::function<void()> function) {
    const bool here = thread_ == &detail::thread;
    {
        const std::lock_guard lock(posted_mutex_);
        if (!accepts_posts_) {
            return;
        }
        posted_.push_back(std::move(function));
        if (posted_.size() == 1) {
            uv_async_send(&async_);  // under the lock, so that it can't race with the closing
        }
    }
    // On other threads the function may have run by now, and the Loop be gone.
    if (here) {
        posted_here_ = true;
        come_back_soon();
    }
}

void LoopState::run_posted() {
    std::vector<std::function<void()>> functions;
    {
        const std::lock_guard lock(posted_mutex_);
        functions.swap(posted_);
    }
    posted_here_ = false;
    for (const auto& function : functions) {
        function();
    }
}

bool LoopState::has_posted() noexcept {
    const std::lock_guard lock(posted_mutex_);
    return !posted_.empty();
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
    } while (uv_loop_alive(uv_) == 0 && has_posted());
    running_ = false;
    if (coroutines_ == 0 || uv_loop_alive(uv_) != 0) {
        return true;
    }
    report_deadlock();
    return false;
}

void LoopState::report_deadlock() const {
    std::fputs("coloop: deadlock: nothing can wake the coroutines that are left\n", stderr);
    for_each_coroutine([this](const Coroutine& coroutine) {
        if (&CoroutineAccess::scheduler(coroutine) == this) {
            std::fprintf(stderr, "  %s\n", describe_state(coroutine, time()).c_str());
        }
    });
}

void LoopState::leave() noexcept {
    require_thread("leave a loop");
    if (--users_ > 0) {
        return;
    }
    phase_ = Phase::leaving;
    LoopState** link = &states;
    while (*link != this) {
        link = &(*link)->next_on_thread_;
    }
    *link = next_on_thread_;
    if (detail::thread.scheduler == this) {
        detail::thread.scheduler = states;
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
            post(std::move(done));
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
        uv_close(handle, [](uv_handle_t* closed) { state_of(closed).on_closed(); });
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

void LoopState::Trimmer::note_spawn() noexcept {
    busy_ = true;
    if (!is_set()) {
        state_.add(*this, state_.time() + trim_after);
    }
}

void LoopState::Trimmer::expire() noexcept {
    const bool more = trim_stacks();
    if (more || busy_) {
        state_.add(*this, state_.time() + (more ? trim_again_after : trim_after));
    }
    busy_ = false;
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <uv.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/loop.hpp>
#include <coloop/result.hpp>
#include <coloop/wait.hpp>

#include "coroutine/scheduler.hpp"
#include "loop/deadline_queue.hpp"
#include "loop/loop_hooks.hpp"
#include "loop/mailbox.hpp"
#include "loop/stack_trimmer.hpp"

namespace coloop {

/// What a Loop stands for: the ready queue, the deadlines and the five internal handles that tie
/// them to a libuv loop. It outlives the Loop until libuv has let go of the handles.
///
/// Callbacks only make coroutines ready. They run from drain(): after polling (check), for what I/O
/// has woken, and before it (idle), for what timers, closing handles and code outside uv_run()
/// have. The idle handle is active only while there is something to do, and keeps libuv from
/// blocking or returning; all others never keep the loop alive by themselves, except the timer
/// while a deadline is set that somebody waits for. The prepare handle only sees to it that libuv
/// does not block in a coroutine.
class LoopState final : public Scheduler {
public:
    /// A loop of its own; fails if the system refuses.
    static Result<LoopState*> create() noexcept;

    /// The state of `uv` on this thread, made if there is none yet; counts its users.
    static Result<LoopState*> attach(uv_loop_t* uv) noexcept;

    /// The state of `uv` on this thread; null if there is none, or if it is being left.
    static LoopState* find(const uv_loop_t* uv) noexcept;

    /// The running coroutine's loop; misuse, naming what cannot be done, if there is none.
    static LoopState& current(const char* operation) noexcept;

    [[nodiscard]] uv_loop_t* uv() const noexcept { return uv_; }

    [[nodiscard]] bool is_owned() const noexcept { return own_ != nullptr; }

    /// The thread that it belongs to.
    [[nodiscard]] const detail::Thread* thread() const noexcept { return thread_; }

    /// The loop's clock, in nanoseconds.
    [[nodiscard]] std::uint64_t time() const noexcept {
        return hooks_ == nullptr ? uv_hrtime() : hooks_->time();
    }

    /// The clock of the loop that the calling code belongs to; the system's where there is none.
    static std::uint64_t time_here() noexcept;

    /// Sets a deadline; `when` is of the loop's clock.
    void add(Deadline& deadline, std::uint64_t when);
    void remove(Deadline& deadline) noexcept;

    /// For the callbacks of polled events, which a drain follows in any case: calls `wake()`
    /// without having the loop come back for it.
    template <typename Wake>
    void wake_from_poll(Wake wake) noexcept {
        drain_follows_ = true;
        wake();
        drain_follows_ = false;
    }

    /// Suspends the calling coroutine until the loop has polled once; false if cancelled.
    [[nodiscard]] bool wait_turn() noexcept;

    /// Counts handles and requests that the state must outlive.
    void begin_work() noexcept { ++work_; }

    void end_work() noexcept {
        --work_;
        if (work_ == 0 && phase_ == Phase::leaving) [[unlikely]] {
            come_back_soon();
        }
    }

    /// The same for requests on the thread pool, which end whatever the coroutines do.
    void begin_pool_work() noexcept {
        begin_work();
        ++pool_work_;
    }

    void end_pool_work() noexcept {
        --pool_work_;
        end_work();
    }

    /// The same for handles.
    void opened(const Describable& handle) noexcept;
    void closed(const Describable& handle) noexcept;

    /// A coroutine that was started has ended.
    void end_coroutine() noexcept {
        if (hooks_ == nullptr) [[likely]] {
            trimmer_.note_end();
        } else {
            hooks_->ended(*Coroutine::self());
        }
        --coroutines_;
        end_work();
    }

    /// Takes a coroutine that was created for this loop.
    Result<void> start(Result<Coroutine*>&& coroutine, std::string_view name) noexcept;

    CancelScope& root() noexcept { return root_; }

    /// What those who take their time to end feel, as root() is what others do: it is cancelled
    /// when that time is over.
    CancelScope& patience() noexcept { return patience_; }

    /// False if the loop takes in no more; then `posted` is still the caller's. Any thread.
    bool post(detail::Posted& posted) noexcept;

    /// The same for a function; dropped if the loop takes in no more.
    void post_function(std::function<void()> function);

    /// Where those post who keep the loop from going away, on whatever thread.
    [[nodiscard]] detail::Mailbox& mailbox() noexcept { return *mailbox_; }

    /// The same for those who may post when the loop is gone.
    [[nodiscard]] std::shared_ptr<detail::Mailbox> share_mailbox() const { return mailbox_; }

    /// The state of a Loop; any thread.
    static LoopState& of(const Loop& loop) noexcept { return *loop.state_; }

    /// Counts those that keep the loop alive for other threads.
    void keep_alive(int change) noexcept;

    bool run();

    /// Cancels, runs the loop until all is closed, and closes it.
    void stop_owned() noexcept;

    /// One user less; after the last, lets go of the loop once its coroutines have ended.
    void leave() noexcept;

    /// Calls `done()` on the loop's stack after that; soon if others use the loop.
    void call_when_left(std::function<void()> done);

    /// One Loop less that points here. The state goes with the last, but not before it was closed.
    void release() noexcept;

    /// Has `hooks` decide from now on, or again nobody if null.
    void set_hooks(LoopHooks* hooks) noexcept;

    /// For those who move the clock: expires what has passed.
    void expire_deadlines() noexcept;

    [[nodiscard]] const DeadlineQueue& deadlines() const noexcept { return deadlines_; }

    [[nodiscard]] std::size_t coroutines() const noexcept { return coroutines_; }

    [[nodiscard]] std::size_t pool_work() const noexcept { return pool_work_; }

    /// True if other threads may still post.
    [[nodiscard]] bool kept_alive() const noexcept { return keep_alive_ > 0; }

private:
    enum class Phase : std::uint8_t { running, leaving, closing, closed };

    static constexpr int handle_count = 5;

    /// The state that an internal handle belongs to.
    static LoopState& of(const void* handle) noexcept {
        return *static_cast<LoopState*>(static_cast<const uv_handle_t*>(handle)->data);
    }

    template <typename Handle>
    static uv_handle_t* as_handle(Handle& handle) noexcept {
        return reinterpret_cast<uv_handle_t*>(&handle);
    }

    explicit LoopState(std::unique_ptr<uv_loop_t> own, uv_loop_t* uv) noexcept;
    ~LoopState() = default;

    int open_handles() noexcept;
    void close_handles() noexcept;
    void on_closed() noexcept;
    void forget_bare_coroutines() noexcept;
    void became_ready() noexcept override;
    void come_back_soon() noexcept;
    static void require_own_stack();
    void drain();
    void drain_by(LoopHooks& hooks);
    void after_drain() noexcept;
    bool may_close() noexcept;
    void note_deadlines() noexcept;
    void arm_timer() noexcept;
    void run_posted() noexcept;
    [[noreturn]] static void refuse_without_loop(const char* operation) noexcept;
    static Result<void> refuse_to_start(const Result<Coroutine*>& coroutine,
                                        std::string_view name) noexcept;
    void require_thread(const char* operation) const noexcept;
    void require_standstill(const char* operation) const noexcept;
    void report_deadlock() const;

    static constinit thread_local LoopState* newest;  // of this thread's, which are linked

    std::unique_ptr<uv_loop_t> own_;
    uv_loop_t* uv_;
    const detail::Thread* thread_ = &detail::thread;
    LoopState* next_on_thread_ = nullptr;
    uv_prepare_t prepare_;
    uv_check_t check_;
    uv_idle_t idle_;
    uv_timer_t timer_;
    uv_async_t async_;
    int open_handles_ = 0;

    DeadlineQueue deadlines_;
    StackTrimmer trimmer_{*this};
    std::uint64_t armed_for_ = 0;  // zero: the timer is stopped
    CoQueue next_turn_{"yield to the loop"};
    CancelScope root_{CancelScope::Detached(), nullptr};
    CancelScope patience_{CancelScope::Detached(), nullptr};
    std::size_t coroutines_ = 0;
    std::size_t work_ = 0;  // coroutines included
    std::size_t pool_work_ = 0;
    std::size_t users_ = 1;
    std::size_t objects_ = 1;  // Loops, those too that are detached
    int keep_alive_ = 0;
    bool running_ = false;
    bool drain_follows_ = false;  // so nothing else need see to it, nor to the timer
    bool idles_ = false;
    bool poll_first_ = false;         // the last drain used up what it may
    bool deadlines_changed_ = false;  // since the timer was looked at
    bool posted_here_ = false;        // by this thread, which the loop must not return before
    Phase phase_ = Phase::running;
    std::vector<std::function<void()>> done_;
    LoopHooks* hooks_ = nullptr;

    std::shared_ptr<detail::Mailbox> mailbox_ = std::make_shared<detail::Mailbox>(async_);
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
//
// Loops, and what goes on outside them while a coroutine waits.
#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <uv.h>

#include <coloop/blocking.hpp>
#include <coloop/qemu/symbols.h>
#include <coloop/timeout.hpp>
#include <coloop/uv_error.hpp>

#include "base/misuse.hpp"
#include "c_api/loop.hpp"
#include "c_api/qemu_coroutine.hpp"
#include "coroutine/access.hpp"
#include "coroutine/report.hpp"

namespace coloop::qemu {

namespace {

/// The loop of a coroutine; null if it has none.
LoopState* loop_of(const Coroutine& coroutine) noexcept {
    Scheduler& scheduler = CoroutineAccess::scheduler(coroutine);
    return scheduler.is_loop ? static_cast<LoopState*>(&scheduler) : nullptr;
}

/// Where a coroutine is to run; misuse if that is not possible.
LoopState& target(AioContext* ctx, const Coroutine& coroutine, const char* operation) noexcept {
    LoopState* state = ctx != nullptr ? &state_of(ctx) : loop_of(coroutine);
    if (state == nullptr) {
        misuse(std::string(operation) + ": " + describe(coroutine) +
               " has no loop; attach one to its thread first");
    }
    if (state->thread() != CoroutineAccess::thread(coroutine)) {
        misuse(std::string(operation) + ": " + describe(coroutine) +
               " belongs to another thread than that loop; coroutines stay on the thread that "
               "made them");
    }
    return *state;
}

bool is_here(const Coroutine& coroutine) noexcept {
    return CoroutineAccess::thread(coroutine) == &detail::thread;
}

void require_standing(const Coroutine& coroutine, const char* operation) noexcept {
    if (!CoroutineAccess::can_be_entered(coroutine)) {
        misuse(std::string(operation) + ": " + describe_state(coroutine, 0) +
               "; only one that has yielded, or is new, can be woken");
    }
}

/// In the loop, after aio_co_schedule() or a wake from another thread.
void run_scheduled(LoopState& state, Coroutine& coroutine) {
    if (Record* record = record_of(coroutine)) {
        std::atomic_ref(record->scheduled).store(false, std::memory_order_relaxed);
    }
    require_standing(coroutine, "aio_co_schedule");
    CoroutineAccess::scheduler(coroutine, state);
    state.make_ready(coroutine);
}

void schedule(LoopState& state, Coroutine& coroutine) {
    Record* record = record_of(coroutine);
    if (record != nullptr && std::atomic_ref(record->scheduled).exchange(true)) {
        misuse("aio_co_schedule: " + describe(coroutine) + " was already scheduled");
    }
    state.post_function([&state, &coroutine] { run_scheduled(state, coroutine); });
}

/// A descriptor that a coroutine waits for. Outlives the wait until libuv has let go of it.
struct Watch {
    uv_poll_t handle;
    CoQueue reader{"wait for a descriptor to be readable"};
};

[[noreturn]] void refuse_to_watch(int fd, int status) {
    misuse("yield_until_fd_readable: descriptor " + std::to_string(fd) + ": " +
           uv_code(status).message());
}

struct DeferredCall {
    void (*function)(void* opaque);
    void* opaque;

    bool operator==(const DeferredCall&) const = default;
};

thread_local std::vector<DeferredCall> deferred_calls;
constinit thread_local std::size_t sections = 0;  // that are open, each inside the one before

}  // namespace

}  // namespace coloop::qemu

using namespace coloop::qemu;
using coloop::CoroutineAccess;
using coloop::LoopState;
using coloop::misuse;

AioContext* coloop_qemu_loop_of(Coroutine* coroutine) {
    LoopState* state = loop_of(coroutine_of(coroutine, "ask for the loop"));
    return state == nullptr ? nullptr : coloop::handle_of(*state);
}

AioContext* coloop_qemu_current_loop() {
    coloop::Scheduler& scheduler = coloop::Scheduler::current();
    return scheduler.is_loop ? coloop::handle_of(static_cast<LoopState&>(scheduler)) : nullptr;
}

void coloop_qemu_aio_schedule(AioContext* ctx, Coroutine* handle) {
    coloop::Coroutine& coroutine = coroutine_of(handle, "aio_co_schedule");
    schedule(target(ctx, coroutine, "aio_co_schedule"), coroutine);
}

void coloop_qemu_aio_enter(AioContext* ctx, Coroutine* handle) {
    coloop::Coroutine& coroutine = coroutine_of(handle, "aio_co_enter");
    if (!is_here(coroutine)) {
        schedule(target(ctx, coroutine, "aio_co_enter"), coroutine);
    } else if (!coloop::in_coroutine()) {
        coloop_qemu_enter(ctx, handle);
    } else {
        require_standing(coroutine, "aio_co_enter");
        if (ctx != nullptr) {
            CoroutineAccess::scheduler(coroutine, target(ctx, coroutine, "aio_co_enter"));
        } else if (CoroutineAccess::is_new(coroutine)) {
            CoroutineAccess::scheduler(coroutine, coloop::Scheduler::current());
        }
        enter_after_current(coroutine);
    }
}

void coloop_qemu_aio_reschedule_self(AioContext* ctx) {
    coloop::Coroutine* self = coloop::Coroutine::self();
    if (self == nullptr) {
        misuse("aio_co_reschedule_self: called outside a coroutine; there is nobody to move");
    }
    LoopState& state = target(ctx, *self, "aio_co_reschedule_self");
    if (loop_of(*self) != &state) {
        schedule(state, *self);
        coloop::Coroutine::yield();
    }
}

void coloop_qemu_yield_until_readable(int fd) {
    uv_loop_t* uv = LoopState::current("wait for a descriptor").uv();
    auto* watch = new Watch;
    if (const int status = uv_poll_init(uv, &watch->handle, fd); status != 0) {
        delete watch;
        if (status == UV_EPERM) {  // a regular file can always be read
            return;
        }
        refuse_to_watch(fd, status);
    }
    watch->handle.data = watch;
    const int status = uv_poll_start(&watch->handle, UV_READABLE, [](uv_poll_t* handle, int, int) {
        uv_poll_stop(handle);
        static_cast<Watch*>(handle->data)->reader.wake_one();
    });
    if (status != 0) {
        refuse_to_watch(fd, status);
    }
    coloop::uncancellable([&] { watch->reader.wait(); });
    uv_close(reinterpret_cast<uv_handle_t*>(&watch->handle),
             [](uv_handle_t* handle) { delete static_cast<Watch*>(handle->data); });
}

int coloop_qemu_thread_pool_submit(int (*function)(void* argument), void* argument) {
    return coloop::uncancellable(
        [=] { return coloop::run_blocking([=] { return function(argument); }); });
}

void coloop_qemu_defer_call_begin() { ++sections; }

void coloop_qemu_defer_call_end() {
    if (sections == 0) {
        misuse("defer_call_end: there was no defer_call_begin() before it");
    }
    if (--sections > 0) {
        return;
    }
    for (const DeferredCall& call : std::exchange(deferred_calls, {})) {
        call.function(call.opaque);
    }
}

void coloop_qemu_defer_call(void (*function)(void* opaque), void* opaque) {
    const DeferredCall call{function, opaque};
    if (sections == 0) {
        function(opaque);
    } else if (std::find(deferred_calls.begin(), deferred_calls.end(), call) ==
               deferred_calls.end()) {
        deferred_calls.push_back(call);
    }
}

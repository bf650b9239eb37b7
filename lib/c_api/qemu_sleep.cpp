// SPDX-License-Identifier: MIT
//
// A sleep is a cancel scope around what C++ sleeps with: whoever wakes the sleeper early cancels
// it.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>

#include <uv.h>

#include <coloop/clock.hpp>
#include <coloop/qemu/symbols.h>
#include <coloop/sleep.hpp>

#include "base/misuse.hpp"
#include "c_api/qemu_coroutine.hpp"
#include "c_api/qemu_queue.hpp"
#include "coroutine/access.hpp"
#include "coroutine/report.hpp"
#include "loop/loop_state.hpp"

namespace coloop::qemu {

namespace {

enum Kind { realtime, stoppable, host };

/// The thread's clock that stands still with a machine. It is kept at the end of a thread that
/// still has a loop, since somebody may sleep by it.
struct MachineClock {
    std::unique_ptr<VirtualClock> clock = std::make_unique<VirtualClock>();

    MachineClock() = default;
    MachineClock(const MachineClock&) = delete;
    MachineClock& operator=(const MachineClock&) = delete;

    ~MachineClock() {
        if (detail::thread.scheduler != nullptr) {
            static_cast<void>(clock.release());
        }
    }
};

VirtualClock& machine_clock() {
    static thread_local const MachineClock machine;
    return *machine.clock;
}

Clock& clock_of(int kind) {
    switch (kind) {
        case realtime:
            return monotonic_clock();
        case stoppable:
            return machine_clock();
        case host:
            return wall_clock();
        default:
            misuse("a sleep by a clock that does not exist; see QEMUClockType");
    }
}

/// Calls a function that waits; false if somebody has woken the calling coroutine early.
template <typename Function>
bool sleep_inside(bool enter_ends_it, Function&& function) {
    LoopState::current("sleep");
    const c_api::RecordHere here;
    Record& record = *here;
    CancelScope scope(CancelScope::Kind::shield);
    record.sleep = &scope;
    record.enter_ends_the_sleep = enter_ends_it;
    const bool slept = scope.run(function);
    record.sleep = nullptr;
    record.enter_ends_the_sleep = false;
    return slept;
}

/// Registers the sleeper with its handle while it sleeps.
class Registered {
public:
    explicit Registered(QemuCoSleep& sleep) : sleep_(sleep) {
        if (sleep_.to_wake != nullptr) {
            misuse("sleep: " + describe(coroutine_of(sleep_.to_wake, "sleep")) +
                   " sleeps on this QemuCoSleep already; use another one");
        }
        sleep_.to_wake = coloop_qemu_self();
    }

    Registered(const Registered&) = delete;
    Registered& operator=(const Registered&) = delete;

    ~Registered() { sleep_.to_wake = nullptr; }

private:
    QemuCoSleep& sleep_;
};

/// What qemu_co_timeout() and the coroutine that it waits for share; the last to leave deletes it.
struct Timeout {
    CoroutineEntry* entry;
    void* opaque;
    void (*clean)(void* opaque);
    QemuCoSleep caller{};
    bool ended = false;
    bool abandoned = false;

    static void run(void* self) {
        std::unique_ptr<Timeout> timeout(static_cast<Timeout*>(self));
        timeout->entry(timeout->opaque);
        timeout->ended = true;
        if (!timeout->abandoned) {
            coloop_qemu_sleep_wake(&timeout.release()->caller);
        } else if (timeout->clean != nullptr) {
            timeout->clean(timeout->opaque);
        }
    }
};

}  // namespace

}  // namespace coloop::qemu

using namespace coloop::qemu;

// Their kinds are those of the enumeration above.
QEMUClock coloop_qemu1_clocks[3] = {{0}, {1}, {2}};

void coloop_qemu_run_vm_clock(bool running) {
    running ? machine_clock().resume() : machine_clock().pause();
}

void coloop_qemu1_sleep_ns(QEMUClock* clock, std::int64_t ns) {
    sleep_inside(true, [&] { coloop::co_sleep_ns(clock_of(clock->coloop_kind), ns); });
}

void coloop_qemu_sleep(QemuCoSleep* sleep) {
    coloop::CoQueue queue("sleep until woken");
    const Registered registered(*sleep);
    sleep_inside(false, [&] { queue.wait(); });
}

void coloop_qemu_sleep_ns(QemuCoSleep* sleep, int clock, std::int64_t ns) {
    const Registered registered(*sleep);
    sleep_inside(false, [&] { coloop::co_sleep_ns(clock_of(clock), ns); });
}

void coloop_qemu_sleep_wake(QemuCoSleep* sleep) {
    if (sleep->to_wake == nullptr) {
        return;
    }
    coloop::Coroutine& coroutine = coroutine_of(sleep->to_wake, "wake a sleeper");
    if (coloop::CoroutineAccess::thread(coroutine) != &coloop::detail::thread) {
        coloop::misuse("wake a sleeper: " + coloop::describe(coroutine) +
                       " belongs to another thread; wake it there");
    }
    sleep->to_wake = nullptr;
    coloop::Wait* wait = coloop::CoroutineAccess::wait(coroutine);
    if (wait != nullptr) {  // otherwise its time was up, and it is about to run
        wait->take_over(coloop::Wait::Outcome::cancelled);
        record_of(coroutine)->sleep->cancel();
        enter_after_current(coroutine);
    }
}

int coloop_qemu_timeout(CoroutineEntry* entry, void* opaque, std::uint64_t ns,
                        void (*clean)(void* opaque)) {
    if (ns == 0) {
        entry(opaque);
        return 0;
    }
    auto timeout = std::make_unique<Timeout>(Timeout{entry, opaque, clean});
    Coroutine* coroutine = coloop_qemu_create(Timeout::run, timeout.get());
    if (coroutine == nullptr) {
        return UV_ENOMEM;
    }
    coloop_qemu_aio_enter(nullptr, coroutine);
    constexpr std::uint64_t longest = std::numeric_limits<std::int64_t>::max();
    coloop_qemu_sleep_ns(&timeout->caller, realtime,
                         static_cast<std::int64_t>(std::min(ns, longest)));
    if (timeout->ended) {
        return 0;
    }
    timeout.release()->abandoned = true;
    return UV_ETIMEDOUT;
}

// SPDX-License-Identifier: MIT
//
// QEMU runs those whom a coroutine wakes when that coroutine stops, inside the enter that runs it.
// So each enter that C asks for keeps a list of them. Where a loop has resumed the waker there is
// no such enter, and they go to the head of the loop's queue, which comes to the same order.
#include "c_api/qemu_coroutine.hpp"

#include <atomic>
#include <string>
#include <utility>

#include <coloop/qemu/symbols.h>

#include "base/misuse.hpp"
#include "c_api/loop.hpp"
#include "coroutine/access.hpp"
#include "coroutine/report.hpp"
#include "coroutine/scheduler.hpp"

namespace coloop::qemu {

namespace {

constexpr std::size_t stack_size = std::size_t{1} << 20;  // as in QEMU

/// What a coroutine that C makes runs.
struct Start {
    CoroutineEntry* entry;
    Record record;

    void operator()() const { entry(record.opaque); }
};

/// Coroutines that are ready, but that no scheduler has.
class Woken {
public:
    void push_back(Coroutine& coroutine) {
        CoroutineAccess::mark_ready(coroutine);
        (first_ == nullptr ? first_ : CoroutineAccess::next_ready(*last_)) = &coroutine;
        last_ = &coroutine;
    }

    /// Takes those of another list, to run before the ones that are here.
    void prepend(Woken& other) {
        if (other.first_ == nullptr) {
            return;
        }
        CoroutineAccess::next_ready(*other.last_) = first_;
        last_ = first_ == nullptr ? other.last_ : last_;
        first_ = std::exchange(other.first_, nullptr);
    }

    /// The next one, as one that can be entered; null if there is none.
    Coroutine* pop() {
        Coroutine* coroutine = first_;
        if (coroutine != nullptr) {
            first_ = CoroutineAccess::next_ready(*coroutine);
            CoroutineAccess::mark_yielded(*coroutine);
        }
        return coroutine;
    }

private:
    Coroutine* first_ = nullptr;
    Coroutine* last_ = nullptr;
};

// Those whom the coroutine has woken that the innermost enter runs; null: a loop runs it.
constinit thread_local Woken* woken_inside = nullptr;

// What qemu_coroutine_self() gives outside coroutines.
thread_local char thread_itself;

bool is_scheduled(Coroutine& coroutine) noexcept {
    Record* record = record_of(coroutine);
    return record != nullptr && std::atomic_ref(record->scheduled).load(std::memory_order_relaxed);
}

/// Before it first runs it may still choose its loop: the one it is entered from.
void settle_home(Coroutine& coroutine, AioContext* ctx) noexcept {
    if (ctx != nullptr) {
        CoroutineAccess::scheduler(coroutine, state_of(ctx));
    } else if (CoroutineAccess::is_new(coroutine)) {
        CoroutineAccess::scheduler(coroutine, Scheduler::current());
    }
}

/// What is left to enter() to refuse is entering one that runs, waits or has ended.
Coroutine& enterable(::Coroutine* handle) noexcept {
    Coroutine& coroutine = coroutine_of(handle, "enter");
    if (is_scheduled(coroutine)) {
        misuse("enter: " + describe(coroutine) + " was already scheduled with aio_co_schedule()");
    }
    return coroutine;
}

}  // namespace

Coroutine& coroutine_of(::Coroutine* coroutine, const char* operation) noexcept {
    if (coroutine == nullptr) {
        misuse(std::string(operation) +
               ": there is no coroutine; qemu_coroutine_create() gives NULL without memory");
    }
    if (static_cast<void*>(coroutine) == &thread_itself) {
        misuse(std::string(operation) +
               ": this is no coroutine but the thread itself, for which qemu_coroutine_self() "
               "stands outside coroutines");
    }
    return *reinterpret_cast<Coroutine*>(coroutine);
}

Coroutine& require_self(const char* operation) noexcept {
    Coroutine* self = Coroutine::self();
    if (self == nullptr) {
        misuse(std::string(operation) +
               " outside a coroutine; it belongs to the one that locks it");
    }
    return *self;
}

void enter_now(Coroutine& coroutine) {
    Woken woken;
    Woken pending;
    Woken* outside = std::exchange(woken_inside, &woken);
    for (Coroutine* next = &coroutine; next != nullptr; next = pending.pop()) {
        next->enter();  // it may be gone after that
        pending.prepend(woken);
    }
    woken_inside = outside;
}

void enter_after_current(Coroutine& coroutine) {
    if (!in_coroutine()) {
        enter_now(coroutine);
    } else if (woken_inside != nullptr) {
        woken_inside->push_back(coroutine);
    } else {
        CoroutineAccess::scheduler(coroutine).make_ready_ahead(coroutine);
    }
}

}  // namespace coloop::qemu

using coloop::CoroutineAccess;
using namespace coloop::qemu;

Coroutine* coloop_qemu_create(CoroutineEntry* entry, void* opaque) {
    const auto made = CoroutineAccess::create(Start{entry, {}}, {.stack_size = stack_size});
    if (!made) {
        return nullptr;
    }
    auto& start = *static_cast<Start*>(CoroutineAccess::closure(**made));
    start.record.opaque = opaque;
    CoroutineAccess::companion(**made) = &start.record;
    return handle_of(**made);
}

void coloop_qemu1_enter(Coroutine* handle, void* opaque) {
    coloop::Coroutine& coroutine = enterable(handle);
    Record* record = record_of(coroutine);
    if (CoroutineAccess::is_new(coroutine)) {
        settle_home(coroutine, nullptr);
        if (record != nullptr && record->opaque == nullptr) {
            record->opaque = opaque;
        }
    } else if (record != nullptr && record->enter_ends_the_sleep) {
        if (coloop::Wait* wait = CoroutineAccess::wait(coroutine)) {
            wait->take_over(coloop::Wait::Outcome::cancelled);
        } else if (CoroutineAccess::is_ready(coroutine)) {
            CoroutineAccess::scheduler(coroutine).withdraw(coroutine);  // its time has come
        }
        record->sleep->cancel();
    }
    enter_now(coroutine);
}

void coloop_qemu_enter(AioContext* ctx, Coroutine* handle) {
    coloop::Coroutine& coroutine = enterable(handle);
    if (CoroutineAccess::can_be_entered(coroutine)) {
        settle_home(coroutine, ctx);
    }
    enter_now(coroutine);
}

void coloop_qemu_yield() { coloop::Coroutine::yield(); }

Coroutine* coloop_qemu_self() {
    coloop::Coroutine* self = coloop::Coroutine::self();
    return reinterpret_cast<Coroutine*>(self != nullptr ? static_cast<void*>(self)
                                                        : &thread_itself);
}

bool coloop_qemu_in_coroutine() { return coloop::in_coroutine(); }

bool coloop_qemu_entered(Coroutine* coroutine) {
    return static_cast<void*>(coroutine) != &thread_itself &&
           CoroutineAccess::is_entered(coroutine_of(coroutine, "ask whether it is entered"));
}

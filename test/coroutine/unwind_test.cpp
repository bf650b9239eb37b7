// SPDX-License-Identifier: MIT
//
// Whoever walks up a coroutine's stack, at whatever moment, must come to an orderly end.
#include <atomic>
#include <cstdint>
#include <memory>

#include <execinfo.h>
#include <signal.h>
#include <time.h>
#include <unwind.h>

#include <doctest/doctest.h>

#include <coloop/call_with_stack.hpp>
#include <coloop/coroutine.hpp>

#if !defined(COLOOP_CONTEXT_UCONTEXT)
extern "C" void coloop_context_boot() noexcept;
#endif

using namespace coloop;

namespace {

struct Walk {
    std::uintptr_t last = 0;
    int frames = 0;
    bool ended = false;
};

constexpr int too_many = 200;

Walk walk() {
    Walk walk;
    const auto step = [](_Unwind_Context* context, void* argument) {
        auto& so_far = *static_cast<Walk*>(argument);
        if (const std::uintptr_t address = _Unwind_GetIP(context)) {  // zero: above the last one
            so_far.last = address;
        }
        return ++so_far.frames < too_many ? _URC_NO_REASON : _URC_NORMAL_STOP;
    };
    walk.ended = _Unwind_Backtrace(step, &walk) == _URC_END_OF_STACK;
    return walk;
}

/// True if the walk came to the function in which every native context begins; glibc's beginning
/// of the other ones has no name.
bool in_boot([[maybe_unused]] std::uintptr_t address) {
#if defined(COLOOP_CONTEXT_UCONTEXT)
    return true;
#else
    const auto boot = reinterpret_cast<std::uintptr_t>(coloop_context_boot);
    return address >= boot && address < boot + 64;
#endif
}

}  // namespace

TEST_SUITE("unwinding") {
    TEST_CASE("it ends where the coroutine begins, also on a stack that was used before") {
        for (int round = 0; round < 3; ++round) {
            Coroutine coroutine([] {
                const Walk direct = walk();
                CHECK(direct.ended);
                CHECK(in_boot(direct.last));
                call_with_stack(std::size_t{1} << 20, [] {
                    const Walk elsewhere = walk();
                    CHECK(elsewhere.ended);
                    CHECK(in_boot(elsewhere.last));
                });
                volatile char dirt[20'000];
                for (volatile char& byte : dirt) {
                    byte = 0x5a;
                }
                Coroutine::yield();
                CHECK(in_boot(walk().last));
            });
            coroutine.enter();
            coroutine.enter();
        }
    }

    TEST_CASE("backtrace() sees a few frames and stops") {
        int count = 0;
        void* frames[too_many];
        Coroutine coroutine([&] { count = backtrace(frames, too_many); });
        coroutine.enter();
        CHECK(count >= 2);
        CHECK(count < 30);
        CHECK(in_boot(reinterpret_cast<std::uintptr_t>(frames[count - 1])));
    }

    TEST_CASE("run_on_loop_stack ends there, too") {
        Coroutine coroutine([] {
            run_on_loop_stack([] {
                CHECK(walk().ended);
                CHECK(in_boot(walk().last));
            });
        });
        coroutine.enter();
    }
}

// Sanitizers hold signals back or don't stand an unwinder in a handler, and glibc's swapcontext()
// has no unwind rules for its middle: libgcc faults on what it finds there. Emulators are too slow.
#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN) && !defined(COLOOP_CONTEXT_UCONTEXT) && \
    !defined(COLOOP_EMULATED)

namespace {

std::atomic<int> samples = 0;
std::atomic<int> endless = 0;
std::atomic<int> in_coroutines = 0;

timer_t sample_timer;

/// Some time after the end of the last sample: a walk may take longer than that, and nothing would
/// go on between two that followed each other.
void sample_soon() {
    itimerspec soon{};
    soon.it_value.tv_nsec = 20'011;
    timer_settime(sample_timer, 0, &soon, nullptr);
}

void sample(int /*number*/) {
    const Walk walked = walk();
    samples.fetch_add(1, std::memory_order_relaxed);
    endless.fetch_add(walked.ended ? 0 : 1, std::memory_order_relaxed);
    in_coroutines.fetch_add(in_boot(walked.last) ? 1 : 0, std::memory_order_relaxed);
    sample_soon();
}

/// SIGPROF by a precise timer: that of setitimer() ticks 250 times a second.
class SampleTimer {
public:
    SampleTimer() {
        struct sigaction action {};

        action.sa_handler = sample;
        action.sa_flags = SA_RESTART;
        sigaction(SIGPROF, &action, nullptr);
        sigevent event{};
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGPROF;
        timer_create(CLOCK_MONOTONIC, &event, &sample_timer);
        sample_soon();
    }

    SampleTimer(const SampleTimer&) = delete;
    SampleTimer& operator=(const SampleTimer&) = delete;

    ~SampleTimer() {
        signal(SIGPROF, SIG_IGN);
        timer_delete(sample_timer);
    }
};

/// Yields, at several depths.
[[gnu::noinline]] int work(int depth) {
    Coroutine::yield();
    const int below = depth > 0 ? work(depth - 1) : 0;
    volatile int result = below + 1;
    return result;
}

}  // namespace

TEST_SUITE("profiling") {
    TEST_CASE("ten thousand samples taken while coroutines switch all end in order") {
        static_cast<void>(walk());  // the first loads what a handler must not
        const SampleTimer timer;
        std::unique_ptr<Coroutine> first;
        std::unique_ptr<Coroutine> second;
        while (samples.load(std::memory_order_relaxed) < 10'000 ||
               in_coroutines.load(std::memory_order_relaxed) < 1000) {
            for (auto* slot : {&first, &second}) {
                if (*slot == nullptr || (*slot)->done()) {
                    *slot = std::make_unique<Coroutine>([] { work(20); });
                }
                (*slot)->enter();
            }
        }
        for (Coroutine* coroutine : {first.get(), second.get()}) {
            while (!coroutine->done()) {
                coroutine->enter();
            }
        }
        CHECK(endless.load() == 0);
    }
}

#endif

// SPDX-License-Identifier: MIT
//
// A Deadline for each sleeper, without a coroutine: what lies below sleeps and timeouts, doing the
// work of a uv_timer_t with a callback.
#include <vector>

#include <coloop/event.hpp>
#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>

#include "bench.hpp"
#include "loop/loop_state.hpp"
#include "memory.hpp"
#include "shuffle.hpp"

namespace {

using bench::Run;
using coloop::LoopState;

/// What all sleepers of a run share.
struct Sleepers {
    long left;
    coloop::Event none_left;
};

/// On the heap, as a program would have those that start and end one by one.
class Sleeper final : public coloop::Deadline {
public:
    Sleeper(LoopState& state, Sleepers& all, std::int64_t milliseconds) : state_(state), all_(all) {
        state_.add(*this, state_.time() + static_cast<std::uint64_t>(milliseconds) * 1'000'000);
    }

    void cancel() {
        state_.remove(*this);
        delete this;
    }

private:
    ~Sleeper() = default;

    void expire() noexcept override {
        if (--all_.left == 0) {
            all_.none_left.set();
        }
        delete this;
    }

    LoopState& state_;
    Sleepers& all_;
};

void run_in_loop(const std::function<void(LoopState&)>& function) {
    coloop::Loop loop;
    loop.spawn([&] { function(LoopState::current("measure deadlines")); });
    loop.run();
}

void sleepers(Run& run) {
    run_in_loop([&](LoopState& state) {
        Sleepers all{run.operations(), {}};
        const bench::Memory memory;
        run.measure_cold([&] {
            for (long i = 0; i < run.operations(); ++i) {
                new Sleeper(state, all, bench::shuffled_milliseconds(i));
            }
            all.none_left.wait();
        });
        memory.report(run.operations());
    });
}

void cancelled_sleepers(Run& run) {
    run_in_loop([&](LoopState& state) {
        Sleepers all{run.operations(), {}};
        run.measure_cold([&] {
            std::vector<Sleeper*> sleepers;
            for (long i = 0; i < run.operations(); ++i) {
                sleepers.push_back(
                    new Sleeper(state, all, bench::shuffled_milliseconds(i) * 3'600'000));
            }
            coloop::co_sleep_ns(0);
            for (Sleeper* sleeper : sleepers) {
                sleeper->cancel();
            }
        });
        bench::check(all.left == run.operations(), "no deadline passed");
    });
}

constexpr bench::Test tests[] = {
    {"sleepers", sleepers},
    {"cancelled-sleepers", cancelled_sleepers},
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }

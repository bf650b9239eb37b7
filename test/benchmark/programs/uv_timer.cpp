// SPDX-License-Identifier: MIT
//
// A uv_timer_t for each sleeper.
#include <memory>
#include <vector>

#include <uv.h>

#include "memory.hpp"
#include "shuffle.hpp"

namespace {

using bench::Run;

long ended = 0;

/// Each on the heap, as a program would have them that starts and ends one by one.
uv_timer_t* start(std::int64_t milliseconds) {
    auto* timer = new uv_timer_t;
    uv_timer_init(uv_default_loop(), timer);
    uv_timer_start(
        timer,
        [](uv_timer_t* handle) {
            ++ended;
            uv_close(reinterpret_cast<uv_handle_t*>(handle),
                     [](uv_handle_t* closed) { delete reinterpret_cast<uv_timer_t*>(closed); });
        },
        static_cast<std::uint64_t>(milliseconds), 0);
    return timer;
}

void sleepers(Run& run) {
    const bench::Memory memory;
    run.measure_cold([&] {
        for (long i = 0; i < run.operations(); ++i) {
            start(bench::shuffled_milliseconds(i));
        }
        uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    });
    bench::check(ended == run.operations(), "each timer fired");
    memory.report(run.operations());
}

void cancelled_sleepers(Run& run) {
    run.measure_cold([&] {
        std::vector<uv_timer_t*> timers;
        for (long i = 0; i < run.operations(); ++i) {
            timers.push_back(start(bench::shuffled_milliseconds(i) * 3'600'000));
        }
        uv_run(uv_default_loop(), UV_RUN_NOWAIT);
        for (uv_timer_t* timer : timers) {
            uv_timer_stop(timer);
            uv_close(reinterpret_cast<uv_handle_t*>(timer),
                     [](uv_handle_t* closed) { delete reinterpret_cast<uv_timer_t*>(closed); });
        }
        uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    });
    bench::check(ended == 0, "no timer fired");
}

constexpr bench::Test tests[] = {
    {"sleepers", sleepers},
    {"cancelled-sleepers", cancelled_sleepers},
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }

// SPDX-License-Identifier: MIT
#include <uv.h>

#include <coloop/loop_metrics.hpp>

namespace coloop {

LoopMetrics metrics_of(const Loop& loop) noexcept {
    LoopMetrics metrics;
    metrics.idle = std::chrono::nanoseconds(uv_metrics_idle_time(loop.uv()));
#if UV_VERSION_HEX >= 0x012D00
    uv_metrics_t counted{};
    if (uv_metrics_info(loop.uv(), &counted) == 0) {
        metrics.turns = counted.loop_count;
        metrics.events = counted.events;
        metrics.events_waiting = counted.events_waiting;
    }
#endif
    return metrics;
}

void measure_idle_time(Loop& loop) noexcept {
    static_cast<void>(uv_loop_configure(loop.uv(), UV_METRICS_IDLE_TIME));  // it can't fail on Unix
}

}  // namespace coloop

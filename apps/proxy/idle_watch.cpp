// SPDX-License-Identifier: MIT
#include "idle_watch.hpp"

#include <coloop/clock.hpp>
#include <coloop/sleep.hpp>

namespace proxy {

IdleWatch::IdleWatch(std::chrono::milliseconds limit) noexcept
    : limit_(coloop::saturated_ns(limit)) {}

IdleWatch::Watched::Watched(IdleWatch& watch) noexcept : watch_(watch) {
    since_ = coloop::monotonic_clock().now();
    watch_.watched_.push_back(*this);
}

IdleWatch::Watched::~Watched() {
    if (is_linked()) {
        unlink();
    }
}

void IdleWatch::Watched::touch() noexcept {
    if (is_linked()) {
        since_ = coloop::monotonic_clock().now();
        unlink();
        watch_.watched_.push_back(*this);
    }
}

void IdleWatch::run() {
    for (;;) {
        std::int64_t wait = limit_;
        while (!watched_.empty()) {
            Watched& oldest = watched_.front();
            wait = oldest.since_ + limit_ - coloop::monotonic_clock().now();
            if (wait > 0) {
                break;
            }
            oldest.unlink();
            oldest.scope_.cancel();
            wait = limit_;
        }
        coloop::co_sleep_ns(wait);
    }
}

}  // namespace proxy

// SPDX-License-Identifier: MIT
//
// Holding up libuv's thread pool, so that a test decides when a request waits for a thread, when
// one works on it, and when it is done.
#pragma once

#include <cstddef>
#include <functional>
#include <latch>
#include <memory>
#include <utility>

#include <uv.h>

#include <coloop/loop.hpp>

namespace coloop {

/// The pool's size, as libuv has it if nobody sets UV_THREADPOOL_SIZE; main.cpp does.
inline constexpr std::size_t pool_threads = 4;

/// Takes threads of the pool until it is destroyed. Made in a coroutine.
class BusyPool {
public:
    explicit BusyPool(std::size_t threads = pool_threads)
        : state_(std::make_shared<State>(threads)) {
        for (std::size_t i = 0; i < threads; ++i) {
            queue([state = state_] {
                state->taken.count_down();
                state->over.wait();
            });
        }
        state_->taken.wait();
    }

    BusyPool(const BusyPool&) = delete;
    BusyPool& operator=(const BusyPool&) = delete;

    ~BusyPool() { release(); }

    void release() {
        if (state_ != nullptr) {
            std::exchange(state_, nullptr)->over.count_down();
        }
    }

    /// Lets the pool call `work()`, and the loop `after()` then.
    static void queue(
        std::function<void()> work, std::function<void()> after = [] {}) {
        struct Request {
            uv_work_t work;
            std::function<void()> run;
            std::function<void()> after;
        };

        auto* request = new Request{{}, std::move(work), std::move(after)};
        request->work.data = request;
        uv_queue_work(
            Loop::current_uv(), &request->work,
            [](uv_work_t* done) { static_cast<Request*>(done->data)->run(); },
            [](uv_work_t* done, int) {
                const std::unique_ptr<Request> owner(static_cast<Request*>(done->data));
                owner->after();
            });
    }

    /// Stops the thread of the loop, not only the coroutine, until a thread of the pool has begun
    /// with all that was queued before. If there is one thread only, all that is done then, and
    /// `after()` is called in the same turn of the loop as its callbacks, after them.
    static void flush(std::function<void()> after = [] {}) {
        auto done = std::make_shared<std::latch>(1);
        queue([] {}, std::move(after));
        queue([done] { done->count_down(); });
        done->wait();
    }

private:
    struct State {
        explicit State(std::size_t threads) : taken(static_cast<std::ptrdiff_t>(threads)) {}

        std::latch taken;
        std::latch over{1};
    };

    std::shared_ptr<State> state_;
};

}  // namespace coloop

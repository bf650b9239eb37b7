// SPDX-License-Identifier: MIT
#pragma once

#include <future>
#include <thread>

#include <uv.h>

#include <coloop/loop.hpp>

namespace coloop {

/// A thread that runs a loop of its own until it is stopped.
class LoopThread {
public:
    LoopThread() {
        std::promise<Loop*> made;
        std::future<Loop*> address = made.get_future();
        thread_ = std::thread([made = std::move(made)]() mutable {
            Loop loop;
            const Loop::KeepAlive alive(loop);
            made.set_value(&loop);
            loop.run();
        });
        loop_ = address.get();
    }

    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;

    ~LoopThread() {
        stop();
        thread_.join();
    }

    /// Valid until stop().
    [[nodiscard]] Loop& loop() const { return *loop_; }

    [[nodiscard]] std::thread::id id() const { return thread_.get_id(); }

    /// Lets run() return, whatever goes on there, so that the Loop is destroyed. Does not wait.
    void stop() {
        if (loop_ != nullptr) {
            loop_->post([uv = loop_->uv()] { uv_stop(uv); });
            loop_ = nullptr;
        }
    }

private:
    Loop* loop_;
    std::thread thread_;
};

}  // namespace coloop

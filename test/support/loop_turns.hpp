// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <uv.h>

#include <coloop/loop.hpp>

namespace coloop {

/// Counts how often the loop polls from now on.
class LoopTurns {
public:
    LoopTurns() : counter_(new Counter) {
        uv_check_init(Loop::current_uv(), &counter_->handle);
        counter_->handle.data = counter_;
        uv_check_start(&counter_->handle,
                       [](uv_check_t* handle) { ++static_cast<Counter*>(handle->data)->count; });
        uv_unref(reinterpret_cast<uv_handle_t*>(&counter_->handle));
    }

    LoopTurns(const LoopTurns&) = delete;
    LoopTurns& operator=(const LoopTurns&) = delete;

    ~LoopTurns() {
        uv_close(reinterpret_cast<uv_handle_t*>(&counter_->handle),
                 [](uv_handle_t* handle) { delete static_cast<Counter*>(handle->data); });
    }

    [[nodiscard]] std::size_t count() const { return counter_->count; }

private:
    struct Counter {
        uv_check_t handle;
        std::size_t count = 0;
    };

    Counter* counter_;
};

}  // namespace coloop

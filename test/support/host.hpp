// SPDX-License-Identifier: MIT
#pragma once

#include <uv.h>

#include <doctest/doctest.h>

namespace coloop {

/// The program that coloop is a guest of.
class Host {
public:
    Host() { uv_loop_init(&uv_); }

    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    ~Host() {
        if (!closed_) {
            run();
            CHECK(uv_loop_close(&uv_) == 0);
        }
    }

    [[nodiscard]] uv_loop_t* uv() { return &uv_; }

    int run(uv_run_mode mode = UV_RUN_DEFAULT) { return uv_run(&uv_, mode); }

    /// What uv_loop_close() says; the loop must not be used after that.
    int close() {
        closed_ = true;
        return uv_loop_close(&uv_);
    }

    [[nodiscard]] int handles() {
        int count = 0;
        uv_walk(
            &uv_, [](uv_handle_t*, void* result) { ++*static_cast<int*>(result); }, &count);
        return count;
    }

private:
    uv_loop_t uv_;
    bool closed_ = false;
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
// A program of callbacks on libuv, which coroutines join and leave.
#include <uv.h>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

using namespace std::chrono_literals;

namespace {

/// What the program was before: a timer and its callback.
struct Heart {
    uv_timer_t timer;
    int beats = 0;

    explicit Heart(uv_loop_t* uv) {
        uv_timer_init(uv, &timer);
        timer.data = this;
        uv_timer_start(
            &timer, [](uv_timer_t* handle) { ++static_cast<Heart*>(handle->data)->beats; }, 0, 5);
    }
};

void count(const char* name) {
    for (int i = 1; i <= 3; ++i) {
        coloop::co_sleep(20ms);
        fmt::print("{} {}\n", name, i);
    }
}

/// libuv's own way to ask for work on another thread, waited for as if it were a function.
int add_elsewhere(int a, int b) {
    struct Work {
        uv_work_t request;
        int a, b, sum;
        coloop::Completion<int> done;
    } work{{}, a, b, 0, {}};

    work.request.data = &work;
    uv_queue_work(
        coloop::Loop::current_uv(), &work.request,
        [](uv_work_t* request) {
            auto& self = *static_cast<Work*>(request->data);
            self.sum = self.a + self.b;
        },
        [](uv_work_t* request, int) {
            auto& self = *static_cast<Work*>(request->data);
            self.done.set(self.sum);
        });
    return work.done.wait();
}

}  // namespace

int main() {
    uv_loop_t* uv = uv_default_loop();
    Heart heart(uv);

    coloop::Loop loop(uv);
    loop.spawn([&] {
        coloop::TaskGroup group;
        group.spawn([] { count("step"); });
        group.wait();
        fmt::print("2 + 3 = {}\n", add_elsewhere(2, 3));
        uv_timer_stop(&heart.timer);
    });
    loop.spawn([] { coloop::co_sleep(1h); });  // will not be done when we leave

    uv_run(uv, UV_RUN_NOWAIT);
    while (uv_is_active(reinterpret_cast<uv_handle_t*>(&heart.timer)) != 0) {
        uv_run(uv, UV_RUN_ONCE);
    }
    fmt::print("the heart {}\n", heart.beats > 1 ? "has beaten all the time" : "stood still");

    loop.detach([] { fmt::print("the guest has left\n"); });
    uv_close(reinterpret_cast<uv_handle_t*>(&heart.timer), nullptr);
    uv_run(uv, UV_RUN_DEFAULT);
    return uv_loop_close(uv) == 0 ? 0 : 1;
}

// SPDX-License-Identifier: MIT
//
// Functions from another thread, as everybody builds it on libuv: a queue with a mutex and one
// uv_async_t.
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <uv.h>

#include "bench.hpp"

namespace {

using bench::Run;

class Inbox {
public:
    Inbox() {
        uv_loop_init(&loop_);
        uv_async_init(&loop_, &async_,
                      [](uv_async_t* async) { static_cast<Inbox*>(async->data)->run_posted(); });
        async_.data = this;
    }

    void post(std::function<void()> function) {
        {
            const std::lock_guard lock(mutex_);
            functions_.push_back(std::move(function));
        }
        uv_async_send(&async_);
    }

    void run() {
        uv_run(&loop_, UV_RUN_DEFAULT);
        uv_loop_close(&loop_);
    }

    void stop() { uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr); }

private:
    void run_posted() {
        std::vector<std::function<void()>> functions;
        {
            const std::lock_guard lock(mutex_);
            functions.swap(functions_);
        }
        for (const auto& function : functions) {
            function();
        }
    }

    uv_loop_t loop_;
    uv_async_t async_;
    std::mutex mutex_;
    std::vector<std::function<void()>> functions_;
};

void post(Run& run) {
    run.measure([](long count) {
        Inbox inbox;
        long ran = 0;
        std::thread poster([&] {
            for (long i = 0; i < count; ++i) {
                inbox.post([&] {
                    if (++ran == count) {
                        inbox.stop();
                    }
                });
            }
        });
        inbox.run();
        poster.join();
        bench::check(ran == count, "each function ran");
    });
}

void there_and_back(Run& run) {
    run.measure([](long count) {
        Inbox here;
        std::thread other([&] {
            Inbox there;
            long left = count;
            std::function<void()> ping;
            const std::function<void()> pong = [&] {
                if (--left > 0) {
                    there.post(ping);
                    return;
                }
                there.post([&] { there.stop(); });
                here.stop();
            };
            ping = [&] { here.post(pong); };
            there.post(ping);
            there.run();
        });
        here.run();
        other.join();
    });
}

constexpr bench::Test tests[] = {{"post", post}, {"there-and-back", there_and_back}};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }

// SPDX-License-Identifier: MIT
//
// A Loop on a uv loop that belongs to somebody else.
#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include <unistd.h>
#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/co_queue.hpp>
#include <coloop/loop.hpp>
#include <coloop/sleep.hpp>
#include <coloop/timeout.hpp>

#include "support/host.hpp"

using namespace std::chrono_literals;

using coloop::co_sleep;
using coloop::co_sleep_ns;
using coloop::CoQueue;
using coloop::Host;
using coloop::Loop;

namespace {

uv_handle_t* as_handle(void* handle) { return static_cast<uv_handle_t*>(handle); }

/// A handle of the host. When it fires, which is never in a coroutine, it calls a function if
/// that says it is time, and closes.
template <typename Handle>
class Once {
public:
    using Event = std::function<bool()>;

    template <typename Init>
    static Handle* make(uv_loop_t* uv, Init init, Event event) {
        auto* once = new Once(std::move(event));
        init(uv, &once->handle_);
        once->handle_.data = once;
        return &once->handle_;
    }

    static void fire(Handle* handle) {
        CHECK(!coloop::in_coroutine());
        if (static_cast<Once*>(handle->data)->event_()) {
            close(handle);
        }
    }

    static void close(Handle* handle) {
        uv_close(as_handle(handle),
                 [](uv_handle_t* closed) { delete static_cast<Once*>(closed->data); });
    }

private:
    explicit Once(Event event) : event_(std::move(event)) {}

    Handle handle_;
    Event event_;
};

using Timer = Once<uv_timer_t>;
using Idle = Once<uv_idle_t>;
using Prepare = Once<uv_prepare_t>;
using Check = Once<uv_check_t>;
using Async = Once<uv_async_t>;
using Poll = Once<uv_poll_t>;

}  // namespace

TEST_SUITE("guest") {
    TEST_CASE("attaching alone keeps no loop alive") {
        Host host;
        const Loop loop(host.uv());
        CHECK(uv_loop_alive(host.uv()) == 0);
        CHECK(host.run() == 0);
        CHECK(host.run(UV_RUN_NOWAIT) == 0);
    }

    TEST_CASE("a sleeping coroutine keeps the loop alive, one that waits in a queue does not") {
        Host host;
        Loop loop(host.uv());
        CoQueue queue;
        std::string events;
        loop.spawn([&] {
            co_sleep(2ms);
            events += 's';
        });
        loop.spawn([&] {
            queue.wait();
            events += 'q';
        });
        host.run();
        CHECK(events == "s");
        CHECK(uv_loop_alive(host.uv()) == 0);
        queue.wake_one();  // between two runs of the host
        CHECK(uv_backend_timeout(host.uv()) == 0);
        host.run();
        CHECK(events == "sq");
    }

    TEST_CASE("leaves the loop's data pointer alone") {
        Host host;
        int mine = 0;
        host.uv()->data = &mine;
        {
            Loop loop(host.uv());
            loop.spawn([] { co_sleep(1ms); });
            host.run();
            CHECK(host.uv()->data == &mine);
        }
        host.run();
        CHECK(host.uv()->data == &mine);
    }

    TEST_CASE("wakes nobody while no coroutine is ready") {
        Host host;
        Loop loop(host.uv());
        CoQueue queue;
        loop.spawn([&] { queue.wait(); });
        loop.spawn([] { co_sleep(1h); });
        for (int i = 0; i < 10; ++i) {
            host.run(UV_RUN_NOWAIT);
        }
        CHECK(uv_backend_timeout(host.uv()) != 0);

        int turns = 0;
        bool over = false;
        uv_prepare_start(Prepare::make(host.uv(), uv_prepare_init,
                                       [&] {
                                           ++turns;
                                           return over;
                                       }),
                         Prepare::fire);
        uv_timer_start(Timer::make(host.uv(), uv_timer_init, [&] { return over = true; }),
                       Timer::fire, 100, 0);
        while (!over) {
            host.run(UV_RUN_ONCE);
        }
        CHECK(turns <= 2);
        loop.detach();
        host.run();
    }

    TEST_CASE("works for a host that polls, and for one that runs one turn at a time") {
        for (const uv_run_mode mode : {UV_RUN_NOWAIT, UV_RUN_ONCE}) {
            Host host;
            Loop loop(host.uv());
            int ended = 0;
            CoQueue queue;
            for (int i = 0; i < 1000; ++i) {
                loop.spawn([&, i] {
                    co_sleep_ns(i % 3 == 0 ? 0 : i * 1000);
                    queue.wake_one();
                    if (i % 2 == 0) {
                        co_sleep_ns(0);
                    }
                    ++ended;
                });
            }
            while (ended < 1000) {
                host.run(mode);
            }
            bool left = false;
            loop.detach([&] { left = true; });
            while (!left) {
                host.run(mode);
            }
            CHECK(host.handles() == 0);
        }
    }

    TEST_CASE("a coroutine that a callback of the host has woken runs before the loop blocks") {
        using Event = std::function<bool()>;

        struct Kind {
            const char* name;
            void (*start)(uv_loop_t* uv, Event event);
        };

        const Kind kinds[] = {
            {"timer",
             [](uv_loop_t* uv, Event event) {
                 uv_timer_start(Timer::make(uv, uv_timer_init, event), Timer::fire, 1, 1);
             }},
            {"idle",
             [](uv_loop_t* uv, Event event) {
                 uv_idle_start(Idle::make(uv, uv_idle_init, event), Idle::fire);
             }},
            {"prepare",
             [](uv_loop_t* uv, Event event) {
                 uv_prepare_start(Prepare::make(uv, uv_prepare_init, event), Prepare::fire);
             }},
            {"check",
             [](uv_loop_t* uv, Event event) {
                 uv_check_start(Check::make(uv, uv_check_init, event), Check::fire);
                 // Something has to end the poll that comes before.
                 uv_timer_start(Timer::make(uv, uv_timer_init, [] { return true; }), Timer::fire, 2,
                                0);
             }},
            {"async",
             [](uv_loop_t* uv, Event event) {
                 uv_async_send(Async::make(
                     uv,
                     [](uv_loop_t* loop, uv_async_t* async) {
                         uv_async_init(loop, async, Async::fire);
                     },
                     event));
             }},
            {"poll",
             [](uv_loop_t* uv, Event event) {
                 int ends[2];
                 REQUIRE(pipe(ends) == 0);
                 REQUIRE(write(ends[1], "x", 1) == 1);
                 uv_poll_start(Poll::make(
                                   uv,
                                   [&](uv_loop_t* loop, uv_poll_t* poll) {
                                       uv_poll_init(loop, poll, ends[0]);
                                   },
                                   [event, ends] {
                                       if (!event()) {
                                           return false;
                                       }
                                       close(ends[1]);
                                       return true;
                                   }),
                               UV_READABLE, [](uv_poll_t* poll, int, int) {
                                   uv_os_fd_t fd = -1;
                                   uv_fileno(as_handle(poll), &fd);
                                   Poll::fire(poll);
                                   if (uv_is_closing(as_handle(poll)) != 0) {
                                       close(fd);
                                   }
                               });
             }},
            {"close",
             [](uv_loop_t* uv, Event event) {
                 struct Closing {
                     uv_idle_t handle;
                     Event event;

                     void start(uv_loop_t* loop) {
                         uv_idle_init(loop, &handle);
                         handle.data = this;
                         uv_close(as_handle(&handle), [](uv_handle_t* closed) {
                             CHECK(!coloop::in_coroutine());
                             auto* self = static_cast<Closing*>(closed->data);
                             if (self->event()) {
                                 delete self;
                             } else {
                                 self->start(closed->loop);
                             }
                         });
                     }
                 };

                 (new Closing{{}, event})->start(uv);
             }},
            {"work",
             [](uv_loop_t* uv, Event event) {
                 struct Work {
                     uv_work_t request;
                     Event event;

                     void start(uv_loop_t* loop) {
                         request.data = this;
                         uv_queue_work(
                             loop, &request, [](uv_work_t*) {},
                             [](uv_work_t* done, int) {
                                 CHECK(!coloop::in_coroutine());
                                 auto* self = static_cast<Work*>(done->data);
                                 if (self->event()) {
                                     delete self;
                                 } else {
                                     self->start(done->loop);
                                 }
                             });
                     }
                 };

                 (new Work{{}, event})->start(uv);
             }},
        };

        for (const Kind& kind : kinds) {
            for (const bool started_before_ours : {true, false}) {
                CAPTURE(kind.name);
                CAPTURE(started_before_ours);
                Host host;
                CoQueue queue;
                bool waits = false;
                bool ran = false;
                bool safe = false;
                const auto event = [&] {
                    if (waits) {
                        CHECK(queue.wake_one());
                    }
                    return waits;
                };
                if (started_before_ours && std::string(kind.name) != "async") {
                    kind.start(host.uv(), event);
                }
                Loop loop(host.uv());
                loop.spawn([&] {
                    queue.wait();
                    ran = true;
                });
                for (int i = 0; i < 5; ++i) {
                    host.run(UV_RUN_NOWAIT);
                }
                waits = true;
                if (!started_before_ours || std::string(kind.name) == "async") {
                    kind.start(host.uv(), event);
                }
                uv_timer_t* end =
                    Timer::make(host.uv(), uv_timer_init, [&] { return safe = true; });
                uv_timer_start(end, Timer::fire, 40'000, 0);
                while (!ran && !safe) {
                    host.run(UV_RUN_ONCE);
                }
                CHECK(ran);
                CHECK(!safe);
                Timer::close(end);
                loop.detach();
                host.run();
            }
        }
    }

    TEST_CASE(
        "what the host's callbacks and coroutines do interleaves, and neither sees the other") {
        Host host;
        Loop loop(host.uv());
        int inside = 0;
        int outside = 0;
        const auto count = [&] {
            ++outside;
            return outside > 20;
        };
        uv_timer_start(Timer::make(host.uv(), uv_timer_init, count), Timer::fire, 0, 1);
        uv_prepare_start(Prepare::make(host.uv(), uv_prepare_init, count), Prepare::fire);
        uv_check_start(Check::make(host.uv(), uv_check_init, count), Check::fire);
        uv_idle_start(Idle::make(host.uv(), uv_idle_init, count), Idle::fire);
        for (int i = 0; i < 10; ++i) {
            loop.spawn([&] {
                for (int turn = 0; turn < 10; ++turn) {
                    co_sleep_ns(100'000 * (turn % 3));
                    inside += coloop::in_coroutine() ? 1 : 0;
                }
            });
        }
        host.run();
        CHECK(inside == 100);
        CHECK(outside > 20);
        loop.detach();
        host.run();
    }

    TEST_CASE("lives in the program of the manual, which it ends by stopping the heart") {
        std::string out;
        uv_loop_t* uv = uv_default_loop();  // the program you already have
        uv_timer_t heartbeat;
        uv_timer_init(uv, &heartbeat);
        heartbeat.data = &out;
        uv_timer_start(
            &heartbeat,
            [](uv_timer_t* handle) { *static_cast<std::string*>(handle->data) += "beat "; }, 0, 2);

        Loop loop(uv);  // borrows uv: never runs it, never closes it
        loop.spawn([&] {
            co_sleep(20ms);
            out += "the coroutine stops the heart";
            uv_timer_stop(&heartbeat);
        });
        CHECK(uv_run(uv, UV_RUN_DEFAULT) == 0);
        CHECK(out.starts_with("beat beat "));
        CHECK(out.ends_with(" the coroutine stops the heart"));

        uv_close(as_handle(&heartbeat), nullptr);
        loop.detach();
        uv_run(uv, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(uv) == 0);
    }
}

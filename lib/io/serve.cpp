// SPDX-License-Identifier: MIT
#include <algorithm>

#include <coloop/co_semaphore.hpp>
#include <coloop/serve.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>
#include <coloop/wait.hpp>

#include "io/process_limits.hpp"

namespace coloop {

namespace {

/// One of the connections that may be handled at once.
class Slot {
public:
    explicit Slot(CoSemaphore& free) : free_(free) {}

    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    ~Slot() { free_.release(); }

private:
    CoSemaphore& free_;
};

void report(const ServeOptions& options, const std::exception_ptr& failure) noexcept {
    if (options.on_error) {
        options.on_error(failure);
    }
}

/// Whatever leaves the handler ends its own connection only.
void handle(TcpStream stream, const std::function<void(TcpStream)>& handler,
            const ServeOptions& options) {
    try {
        handler(std::move(stream));
    } catch (const Cancelled&) {
        if (Wait::already_cancelled()) {
            throw;
        }
        // It comes from elsewhere, and must not cancel the others.
        report(options, std::current_exception());
    } catch (...) {
        report(options, std::current_exception());
    }
}

/// Ends when the listener is closed; throws Cancelled.
void accept_all(TcpListener& listener, const std::function<void(TcpStream)>& handler,
                const ServeOptions& options, CoSemaphore& free, TaskGroup& handlers) {
    for (;;) {
        free.acquire();
        Result<TcpStream> stream = listener.accept(std::nothrow);
        Result<void> started;
        if (stream) {
            const auto task = handlers.spawn(
                [&, connection = std::move(*stream)]() mutable {
                    const Slot slot(free);
                    handle(std::move(connection), handler, options);
                },
                {.name = "connection", .stack_size = options.stack_size}, std::nothrow);
            started = task ? Result<void>() : task.error();
        } else {
            started = stream.error();
        }
        if (started) {
            continue;
        }
        free.release();
        if (started.error().code() == Errc::closed) {
            return;
        }
        if (started.error().code() == Errc::cancelled) {
            throw Cancelled();
        }
        report(options, std::make_exception_ptr(started.error()));
    }
}

/// Lets the handlers end by themselves for a while, then cancels them; not itself cancelled.
void drain(TaskGroup& handlers, std::chrono::milliseconds grace) {
    uncancellable([&] {
        move_on_after(grace, [&] { handlers.wait(); });
        handlers.cancel();
        handlers.wait();
    });
}

}  // namespace

std::size_t default_connection_limit() noexcept {
    constexpr std::size_t for_other_uses = 64;
    constexpr std::size_t most = 10'000;
    const std::size_t descriptors = descriptor_limit();
    return std::clamp<std::size_t>(descriptors > for_other_uses ? descriptors - for_other_uses : 1,
                                   1, most);
}

void detail::serve(TcpListener& listener, const std::function<void(TcpStream)>& handler,
                   const ServeOptions& options) {
    CoSemaphore free(options.max_connections);
    TaskGroup handlers({.shielded = true});
    bool cancelled = false;
    try {
        accept_all(listener, handler, options, free, handlers);
    } catch (const Cancelled&) {
        cancelled = true;
    }
    listener.close();
    drain(handlers, options.grace);
    if (cancelled) {
        throw Cancelled();
    }
}

}  // namespace coloop

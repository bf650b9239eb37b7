// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

#include <coloop/co_semaphore.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>
#include <coloop/task_group.hpp>

namespace coloop {

/// As many connections as the process has descriptors for, less some for other uses; at most
/// 10,000.
[[nodiscard]] COLOOP_EXPORT std::size_t default_connection_limit() noexcept;

struct ServeOptions {
    /// Connections that are handled at once; further ones wait in the system's backlog.
    std::size_t max_connections = default_connection_limit();

    /// Gets what leaves a handler, and what accepting fails with; the server goes on. Must not
    /// throw. If empty, nobody is told.
    std::function<void(const std::exception_ptr&)> on_error = print_failure;

    /// How long handlers may take to end once serving was called off; then they are cancelled.
    std::chrono::milliseconds grace = std::chrono::seconds(10);

    /// Stack of each handler.
    std::size_t stack_size = default_stack_size;
};

/// What accept() of a listener returns.
template <typename Listener>
using ConnectionOf = std::remove_cvref_t<decltype(std::declval<Listener&>().accept())>;

namespace detail {

/// What serve() does with listeners and handlers of all types.
class COLOOP_EXPORT Server {
public:
    explicit Server(const ServeOptions& options);

    /// Calls `accept_one()` again and again, which is to accept a connection and to start() its
    /// handler; then `stop_listening()`, and waits for the handlers.
    void run(const std::function<Result<void>()>& accept_one,
             const std::function<void()>& stop_listening);

    /// Runs `handle()` in a coroutine of its own.
    template <typename Function>
    Result<void> start(Function handle) {
        const Result<Task<void>> started = handlers_.spawn(
            [this, call = std::move(handle)]() mutable {
                const Slot slot(*this);
                try {
                    call();
                } catch (...) {
                    note_failure();
                }
            },
            {.name = "connection", .stack_size = options_.stack_size}, std::nothrow);
        return started ? Result<void>() : started.error();
    }

private:
    /// One of the connections that may be handled at once.
    class Slot {
    public:
        explicit Slot(Server& server) noexcept : server_(server) {}

        Slot(const Slot&) = delete;
        Slot& operator=(const Slot&) = delete;

        ~Slot() { server_.free_.release(); }

    private:
        Server& server_;
    };

    void accept_all(const std::function<Result<void>()>& accept_one);
    void drain();
    void report(const std::exception_ptr& failure) const noexcept;
    void note_failure() const;

    const ServeOptions& options_;
    CoSemaphore free_;
    TaskGroup handlers_{TaskGroupOptions{.shielded = true}};
};

}  // namespace detail

/// Accepts connections and runs `handler(connection)` for each in a coroutine of its own, until the
/// listener is closed by another coroutine or the calling one is cancelled. A listener is a
/// TcpListener, a PipeListener, or anything with their accept() and close().
///
/// A handler that fails ends its own connection only: see ServeOptions::on_error. When serving ends
/// it stops accepting, lets the handlers finish for the time of grace, cancels those that are left,
/// and when all have ended returns, or throws Cancelled if it was cancelled. The listener, which it
/// takes over if it is passed with std::move, is closed then.
template <typename Listener, std::invocable<ConnectionOf<Listener>> Handler>
void serve(Listener&& listener, Handler handler, const ServeOptions& options = {}) {
    Listener mine = std::forward<Listener>(listener);  // a reference, unless it was moved here
    detail::Server server(options);
    server.run(
        [&]() -> Result<void> {
            auto accepted = mine.accept(std::nothrow);
            if (!accepted) {
                return accepted.error();
            }
            return server.start([&handler, connection = *std::move(accepted)]() mutable {
                handler(std::move(connection));
            });
        },
        [&] { mine.close(); });
}

}  // namespace coloop

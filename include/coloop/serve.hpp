// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/export.hpp>
#include <coloop/intrusive_list.hpp>
#include <coloop/result.hpp>
#include <coloop/task_group.hpp>

namespace coloop {

/// As many connections as the process has descriptors for, less some for other uses; at most
/// 10,000.
[[nodiscard]] COLOOP_EXPORT std::size_t default_connection_limit() noexcept;

/// Prints to standard error how many handlers are cancelled, and the first lines of what they do.
COLOOP_EXPORT void print_stragglers(const std::vector<std::string>& stragglers) noexcept;

struct ServeOptions {
    /// Connections that are handled at once; further ones wait in the system's backlog.
    std::size_t max_connections = default_connection_limit();

    /// Gets what leaves a handler, and what accepting fails with; the server goes on. Must not
    /// throw. If empty, nobody is told.
    std::function<void(const std::exception_ptr&)> on_error = print_failure;

    /// How long handlers may take to end once serving was called off; then they are cancelled.
    std::chrono::milliseconds grace = std::chrono::seconds(10);

    /// Gets told of the handlers that had not ended in that time, before they are cancelled: a line
    /// for each, `coroutine "connection" waits for 12 s: read 127.0.0.1:7000`. Must not throw. If
    /// empty, nobody is told.
    std::function<void(const std::vector<std::string>&)> on_stragglers = print_stragglers;

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

    /// What is done with a listener.
    struct Listening {
        std::function<Result<void>()> accept_one;  // and start() its handler
        std::function<void()> wait_closed;         // empty if it can't
        std::function<void()> stop;
    };

    /// Accepts until the listener is closed or the caller is cancelled, then waits for the
    /// handlers.
    void run(const Listening& listening);

    /// Runs `handle()` in a coroutine of its own.
    template <typename Function>
    Result<void> start(Function handle) {
        const auto task = handlers_.spawn(
            [this, call = std::move(handle)]() mutable {
                const Slot slot(*this);
                try {
                    call();
                } catch (...) {
                    note_failure();
                }
            },
            {.name = "connection", .stack_size = options_.stack_size}, std::nothrow);
        if (!task) {
            return task.error();
        }
        ++running_;
        return {};
    }

private:
    /// One of the handlers, in its frame.
    class COLOOP_EXPORT Slot : public ListLink {
    public:
        explicit Slot(Server& server) noexcept;
        ~Slot();

        [[nodiscard]] Coroutine& handler() const noexcept { return handler_; }

    private:
        Server& server_;
        Coroutine& handler_;
    };

    void accept_all(const Listening& listening);
    bool wait_for_room(const Listening& listening);
    void drain();
    bool wait_in_peace() noexcept;
    void report_stragglers() const noexcept;
    void report(const std::exception_ptr& failure) const noexcept;
    void note_failure() const;

    const ServeOptions& options_;
    std::size_t running_ = 0;
    CoQueue ended_{"wait for a handler to end"};
    IntrusiveList<Slot> slots_;
    TaskGroup handlers_{TaskGroupOptions{.shielded = true}};
};

}  // namespace detail

/// Accepts connections and runs `handler(connection)` for each in a coroutine of its own, until the
/// listener is closed by another coroutine or the calling one is cancelled. A listener is a
/// TcpListener, a PipeListener, or anything with their accept() and close().
///
/// A handler that fails ends its own connection only: see ServeOptions::on_error. When serving ends
/// it stops accepting, lets the handlers finish for the time of grace, cancels those that are left
/// and says which (see ServeOptions::on_stragglers), and when all have ended returns, or throws
/// Cancelled if it was cancelled. The listener, which it takes over if it is passed with std::move,
/// is closed then.
template <typename Listener, std::invocable<ConnectionOf<Listener>> Handler>
void serve(Listener&& listener, Handler handler, const ServeOptions& options = {}) {
    Listener mine = std::forward<Listener>(listener);  // a reference, unless it was moved here
    detail::Server server(options);
    detail::Server::Listening listening;
    listening.accept_one = [&]() -> Result<void> {
        auto accepted = mine.accept(std::nothrow);
        if (!accepted) {
            return accepted.error();
        }
        return server.start([&handler, connection = *std::move(accepted)]() mutable {
            handler(std::move(connection));
        });
    };
    if constexpr (requires { mine.wait_closed(); }) {
        listening.wait_closed = [&] { mine.wait_closed(); };
    }
    listening.stop = [&] { mine.close(); };
    server.run(listening);
}

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <utility>

#include <coloop/coroutine.hpp>
#include <coloop/export.hpp>
#include <coloop/tcp.hpp>

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

namespace detail {

COLOOP_EXPORT void serve(TcpListener& listener, const std::function<void(TcpStream)>& handler,
                         const ServeOptions& options);

}  // namespace detail

/// Accepts connections and runs `handler(TcpStream)` for each in a coroutine of its own, until the
/// listener is closed by another coroutine or the calling one is cancelled.
///
/// A handler that fails ends its own connection only: see ServeOptions::on_error. When serving ends
/// it stops accepting, lets the handlers finish for the time of grace, cancels those that are left,
/// and when all have ended returns, or throws Cancelled if it was cancelled.
template <std::invocable<TcpStream> Handler>
void serve(TcpListener& listener, Handler handler, const ServeOptions& options = {}) {
    detail::serve(
        listener, [&handler](TcpStream stream) { handler(std::move(stream)); }, options);
}

/// The same with a listener that nobody else has.
template <std::invocable<TcpStream> Handler>
void serve(TcpListener&& listener, Handler handler, const ServeOptions& options = {}) {
    TcpListener mine(std::move(listener));
    serve(mine, std::move(handler), options);
}

}  // namespace coloop

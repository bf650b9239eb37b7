// SPDX-License-Identifier: MIT
#include <algorithm>

#include <coloop/serve.hpp>
#include <coloop/timeout.hpp>
#include <coloop/wait.hpp>

#include "io/process_limits.hpp"

namespace coloop {

std::size_t default_connection_limit() noexcept {
    constexpr std::size_t for_other_uses = 64;
    constexpr std::size_t most = 10'000;
    const std::size_t descriptors = descriptor_limit();
    return std::clamp<std::size_t>(descriptors > for_other_uses ? descriptors - for_other_uses : 1,
                                   1, most);
}

namespace detail {

Server::Server(const ServeOptions& options) : options_(options), free_(options.max_connections) {}

void Server::run(const std::function<Result<void>()>& accept_one,
                 const std::function<void()>& stop_listening) {
    bool cancelled = false;
    try {
        accept_all(accept_one);
    } catch (const Cancelled&) {
        cancelled = true;
    }
    stop_listening();
    drain();
    if (cancelled) {
        throw Cancelled();
    }
}

/// Ends when the listener is closed; throws Cancelled.
void Server::accept_all(const std::function<Result<void>()>& accept_one) {
    for (;;) {
        free_.acquire();
        const Result<void> started = accept_one();
        if (started) {
            continue;
        }
        free_.release();
        if (started.error().code() == Errc::closed) {
            return;
        }
        if (started.error().code() == Errc::cancelled) {
            throw Cancelled();
        }
        report(std::make_exception_ptr(started.error()));
    }
}

/// Lets the handlers end by themselves for a while, then cancels them; not itself cancelled.
void Server::drain() {
    uncancellable([&] {
        move_on_after(options_.grace, [&] { handlers_.wait(); });
        handlers_.cancel();
        handlers_.wait();
    });
}

void Server::report(const std::exception_ptr& failure) const noexcept {
    if (options_.on_error) {
        options_.on_error(failure);
    }
}

/// Of the exception being handled: whatever leaves a handler ends its own connection only.
void Server::note_failure() const {
    try {
        throw;
    } catch (const Cancelled&) {
        if (Wait::already_cancelled()) {
            throw;
        }
        // It comes from elsewhere, and must not cancel the others.
        report(std::current_exception());
    } catch (...) {
        report(std::current_exception());
    }
}

}  // namespace detail

}  // namespace coloop

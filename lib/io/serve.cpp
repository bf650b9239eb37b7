// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>

#include <coloop/serve.hpp>
#include <coloop/timeout.hpp>
#include <coloop/wait.hpp>

#include "coroutine/report.hpp"
#include "io/process_limits.hpp"
#include "loop/loop_state.hpp"

namespace coloop {

std::size_t default_connection_limit() noexcept {
    constexpr std::size_t for_other_uses = 64;
    constexpr std::size_t most = 10'000;
    const std::size_t descriptors = descriptor_limit();
    return std::clamp<std::size_t>(descriptors > for_other_uses ? descriptors - for_other_uses : 1,
                                   1, most);
}

void print_stragglers(const std::vector<std::string>& stragglers) noexcept {
    constexpr std::size_t most = 10;
    std::fprintf(stderr, "coloop: handlers that did not end in time and are cancelled: %zu\n",
                 stragglers.size());
    for (std::size_t i = 0; i < std::min(most, stragglers.size()); ++i) {
        std::fprintf(stderr, "  %s\n", stragglers[i].c_str());
    }
    if (stragglers.size() > most) {
        std::fprintf(stderr, "  and %zu more\n", stragglers.size() - most);
    }
}

namespace detail {

Server::Server(const ServeOptions& options) : options_(options) {}

void Server::run(const Listening& listening) {
    bool cancelled = false;
    try {
        accept_all(listening);
    } catch (const Cancelled&) {
        cancelled = true;
    }
    listening.stop();
    drain();
    if (cancelled) {
        throw Cancelled();
    }
}

/// Ends when the listener is closed; throws Cancelled.
void Server::accept_all(const Listening& listening) {
    while (wait_for_room(listening)) {
        const Result<void> started = listening.accept_one();
        if (started) {
            continue;
        }
        if (started.error().code() == Errc::closed) {
            return;
        }
        if (started.error().code() == Errc::cancelled) {
            throw Cancelled();
        }
        report(std::make_exception_ptr(started.error()));
    }
}

/// Returns false if the listener is closed before there is room; throws Cancelled.
bool Server::wait_for_room(const Listening& listening) {
    if (running_ < options_.max_connections) {
        return true;
    }
    bool closed = false;
    TaskGroup watcher;
    if (listening.wait_closed) {
        const auto task = watcher.spawn(
            [&] {
                listening.wait_closed();
                closed = true;
                ended_.wake_all();
            },
            {.name = "listener"}, std::nothrow);
        if (!task) {  // then the end of a handler has to come first
            report(std::make_exception_ptr(task.error()));
        }
    }
    while (running_ >= options_.max_connections && !closed) {
        ended_.wait();
    }
    return !closed;
}

/// Lets the handlers end by themselves for a while, then cancels them.
void Server::drain() {
    if (!wait_in_peace()) {
        report_stragglers();
        handlers_.cancel();
    }
    uncancellable([&] { handlers_.wait(); });
}

/// True if all have ended in time. Not itself cancelled, except by who is in a hurry to leave the
/// loop.
bool Server::wait_in_peace() noexcept {
    const CancelScope peace(CancelScope::Below{LoopState::current("serve").patience()});
    const TimeoutScope grace(saturated_ns(options_.grace));
    while (running_ > 0) {
        if (!ended_.wait(std::nothrow)) {
            return false;
        }
    }
    return true;
}

void Server::report_stragglers() const noexcept {
    if (!options_.on_stragglers) {
        return;
    }
    const std::uint64_t now = LoopState::current("serve").time();
    std::vector<std::string> stragglers;
    slots_.for_each(
        [&](const Slot& slot) { stragglers.push_back(describe_state(slot.handler(), now)); });
    options_.on_stragglers(stragglers);
}

Server::Slot::Slot(Server& server) noexcept : server_(server), handler_(*Coroutine::self()) {
    server_.slots_.push_back(*this);
}

Server::Slot::~Slot() {
    unlink();
    --server_.running_;
    server_.ended_.wake_all();
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

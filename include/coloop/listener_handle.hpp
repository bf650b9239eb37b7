// SPDX-License-Identifier: MIT
#pragma once

#include <new>

#include <coloop/descriptor.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop {

class ListenerNode;

/// What TcpListener and PipeListener have in common: a socket that takes connections. Belongs to
/// the loop of the coroutine that made it; may be moved. Moved from, it is closed. The destructor
/// closes it without waiting.
class COLOOP_EXPORT ListenerHandle {
public:
    /// Stops listening. Waiting coroutines get an Error (closed), connections not accepted yet are
    /// reset. Returns when that is done; not cancelled.
    void close() noexcept;

    /// Takes no more connections from the system. accept() still returns those that were taken and
    /// not yet accepted here, up to 16, and after the last the listener is closed. With
    /// duplicate_descriptor() before, this hands a socket over to another process, and no
    /// connection is lost in between.
    void stop() noexcept;

    /// Waits until the listener is closed, by whomever; not at all if it is. Throws Cancelled if
    /// the coroutine is cancelled meanwhile.
    void wait_closed();

    [[nodiscard]] bool is_open() const noexcept;

    /// Another descriptor of the same socket, for another process that is to accept, too. Throws
    /// Error if the listener is closed or the process has too many descriptors.
    [[nodiscard]] Descriptor duplicate_descriptor() const {
        return duplicate_descriptor(std::nothrow).value();
    }

    /// The same; returns the Error.
    [[nodiscard]] Result<Descriptor> duplicate_descriptor(std::nothrow_t tag) const noexcept;

    /// Closes the listener but not the socket, which the caller gets, nor is a socket file removed.
    /// Connections that were taken from the system and not yet accepted here are reset: see stop().
    /// Throws Error as duplicate_descriptor() does, and the listener is as it was then.
    [[nodiscard]] Descriptor release_descriptor() {
        return release_descriptor(std::nothrow).value();
    }

    /// The same; returns the Error.
    [[nodiscard]] Result<Descriptor> release_descriptor(std::nothrow_t tag) noexcept;

protected:
    explicit ListenerHandle(ListenerNode* node) noexcept;
    ListenerHandle(ListenerHandle&& other) noexcept;
    ListenerHandle& operator=(ListenerHandle&& other) noexcept;
    ~ListenerHandle();

    /// Null if it was moved from.
    [[nodiscard]] ListenerNode* node() const noexcept { return node_; }

private:
    ListenerNode* node_;
};

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/export.hpp>

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

    [[nodiscard]] bool is_open() const noexcept;

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

// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <utility>

#include <uv.h>

#include <coloop/co_queue.hpp>
#include <coloop/wait.hpp>

#include "coroutine/access.hpp"
#include "loop/loop_state.hpp"

namespace coloop {

/// The heap home of one libuv handle.
///
/// libuv keeps a pointer to a handle until its close callback, which comes later than the call that
/// closes it; so handles live here, and what users hold only points here. A node is shared by its
/// owner, by libuv, and by each coroutine that is inside one of its operations.
class HandleNode : public Describable {
public:
    explicit HandleNode(LoopState& state) noexcept : state_(state) {}

    HandleNode(const HandleNode&) = delete;
    HandleNode& operator=(const HandleNode&) = delete;

    [[nodiscard]] LoopState& state() const noexcept { return state_; }

    [[nodiscard]] bool closing() const noexcept { return closing_; }

    /// True in a coroutine of this node's loop.
    [[nodiscard]] bool is_here() const noexcept {
        const Coroutine* self = Coroutine::self();
        return self != nullptr && &CoroutineAccess::scheduler(*self) == &state_;
    }

    /// Misuse elsewhere.
    void require_here(const char* operation) const noexcept {
        if (!is_here()) [[unlikely]] {
            refuse(operation);
        }
    }

    /// Starts the close, once; wakes all who wait for the handle. Never suspends.
    void start_close() noexcept;

    /// The same for a handle whose request was cut off: the peer should see that something lacks.
    virtual void start_abort() noexcept { start_close(); }

    /// Starts the close and, in a coroutine, waits until libuv has let go of the handle; this wait
    /// is not cancelled.
    void close() noexcept;

    /// Waits until libuv has let go of the handle, whoever closes it; false if cancelled.
    [[nodiscard]] bool wait_closed() noexcept;

    void retain() noexcept { ++references_; }

    void release() noexcept {
        if (--references_ == 0) {
            delete this;
        }
    }

protected:
    virtual ~HandleNode() = default;

    /// To be called when libuv has initialised the handle: from now on it must be closed.
    void opened() noexcept;

    /// Hands the handle to libuv for closing, with on_closed() as the callback.
    virtual void close_handle() noexcept { uv_close(handle(), on_closed); }

    /// Wakes those who wait for something that will not happen any more.
    virtual void wake_all() noexcept = 0;

    [[nodiscard]] virtual uv_handle_t* handle() noexcept = 0;

    static void on_closed(uv_handle_t* handle) noexcept;

private:
    [[noreturn]] void refuse(const char* operation) const noexcept;

    LoopState& state_;
    std::uint32_t references_ = 0;
    bool open_ = false;
    bool closing_ = false;
    CoQueue closed_{"close", this};
};

/// Shares a node.
template <typename Node>
class NodePtr {
public:
    NodePtr() = default;

    explicit NodePtr(Node* node) noexcept : node_(node) {
        if (node_ != nullptr) {
            node_->retain();
        }
    }

    NodePtr(NodePtr&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}

    NodePtr& operator=(NodePtr&& other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }

    ~NodePtr() {
        if (node_ != nullptr) {
            node_->release();  // NOLINT(clang-analyzer-cplusplus.NewDelete): counts don't wrap
        }
    }

    [[nodiscard]] Node* get() const noexcept { return node_; }

    Node* operator->() const noexcept { return node_; }

    Node& operator*() const noexcept { return *node_; }

    explicit operator bool() const noexcept { return node_ != nullptr; }

private:
    Node* node_ = nullptr;
};

}  // namespace coloop

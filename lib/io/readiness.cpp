// SPDX-License-Identifier: MIT
#include <map>
#include <string>
#include <utility>

#include <uv.h>

#include <coloop/readiness.hpp>
#include <coloop/uv_error.hpp>

#include "io/handle_node.hpp"

namespace coloop {

namespace {

struct Direction {
    uv_poll_event event;
    const char* operation;
};

std::string name_of(int descriptor) { return "descriptor " + std::to_string(descriptor); }

/// A foreign descriptor that coroutines of one loop wait for. libuv takes each descriptor once, so
/// all its waiters share this; it is watched for what they want and no longer, as its owner may
/// close it as soon as they have gone.
class DescriptorNode final : public HandleNode {
public:
    /// The one that is there, or a new one.
    static Result<NodePtr<DescriptorNode>> find(LoopState& state, int descriptor,
                                                const char* operation);

    Result<void> wait(const Direction& direction) noexcept;

    [[nodiscard]] std::string describe() const override { return name_of(descriptor_); }

private:
    DescriptorNode(LoopState& state, int descriptor) : HandleNode(state), descriptor_(descriptor) {}

    void forget() noexcept;
    [[nodiscard]] int wanted() const noexcept;
    void watch(int events) noexcept;
    void on_ready(int status, int ready) noexcept;

    void wake_all() noexcept override {
        readers_.wake_all();
        writers_.wake_all();
    }

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&poll_);
    }

    uv_poll_t poll_;
    int descriptor_;
    int watched_ = 0;          // events that libuv reports
    std::size_t waiters_ = 0;  // those too that were woken and did not run yet
    CoQueue readers_{"wait to read from", this};
    CoQueue writers_{"wait to write to", this};
};

using Watched = std::map<std::pair<int, LoopState*>, DescriptorNode&, std::less<>>;

/// Those of this thread.
Watched& watched_descriptors() noexcept {
    thread_local Watched all;
    return all;
}

Result<NodePtr<DescriptorNode>> DescriptorNode::find(LoopState& state, int descriptor,
                                                     const char* operation) {
    if (const auto found = watched_descriptors().find({descriptor, &state});
        found != watched_descriptors().end()) {
        return NodePtr<DescriptorNode>(&found->second);
    }
    NodePtr<DescriptorNode> node(new DescriptorNode(state, descriptor));
    if (const int status = uv_poll_init(state.uv(), &node->poll_, descriptor)) {
        return Error(uv_code(status), operation, node->describe());
    }
    node->opened();
    watched_descriptors().emplace(std::pair(descriptor, &state), *node);
    return node;
}

Result<void> DescriptorNode::wait(const Direction& direction) noexcept {
    const NodePtr<DescriptorNode> hold(this);
    CoQueue& queue = direction.event == UV_READABLE ? readers_ : writers_;
    ++waiters_;
    watch(watched_ | direction.event);
    const bool woken = queue.wait(std::nothrow);
    const bool closed = closing();
    if (--waiters_ == 0) {
        forget();
    } else if (!closed) {
        watch(wanted());
    }
    if (!woken) {
        return Error(Errc::cancelled, direction.operation, describe());
    }
    return closed ? Error(Errc::closed, direction.operation, describe()) : Result<void>();
}

void DescriptorNode::forget() noexcept {
    if (!closing()) {  // or somebody else may have the number now
        watched_descriptors().erase({descriptor_, &state()});
        start_close();
    }
}

/// What those want who wait now.
int DescriptorNode::wanted() const noexcept {
    return (readers_.empty() ? 0 : UV_READABLE) | (writers_.empty() ? 0 : UV_WRITABLE);
}

void DescriptorNode::watch(int events) noexcept {
    if (events == watched_) {
        return;
    }
    watched_ = events;
    if (events == 0) {
        uv_poll_stop(&poll_);
        return;
    }
    uv_poll_start(&poll_, events, [](uv_poll_t* poll, int status, int ready) {
        static_cast<DescriptorNode*>(static_cast<HandleNode*>(poll->data))->on_ready(status, ready);
    });
}

void DescriptorNode::on_ready(int status, int ready) noexcept {
    if (status != 0) {  // an error of the descriptor: libuv does not say which and has stopped
        watched_ = 0;
        wake_all();
        return;
    }
    if ((ready & UV_READABLE) != 0) {
        readers_.wake_all();
    }
    if ((ready & UV_WRITABLE) != 0) {
        writers_.wake_all();
    }
    watch(wanted());  // or it would be reported again before they have run
}

Result<void> wait_for(int descriptor, const Direction& direction) noexcept {
    LoopState& state = LoopState::current(direction.operation);
    if (Wait::already_cancelled()) {
        return Error(Errc::cancelled, direction.operation, name_of(descriptor));
    }
    const Result<NodePtr<DescriptorNode>> node =
        DescriptorNode::find(state, descriptor, direction.operation);
    return node ? (*node)->wait(direction) : node.error();
}

}  // namespace

void wait_readable(NativeDescriptor descriptor) { wait_readable(descriptor, std::nothrow).value(); }

Result<void> wait_readable(NativeDescriptor descriptor, std::nothrow_t /*tag*/) noexcept {
    return wait_for(static_cast<int>(descriptor), {UV_READABLE, "wait to read from"});
}

void wait_writable(NativeDescriptor descriptor) { wait_writable(descriptor, std::nothrow).value(); }

Result<void> wait_writable(NativeDescriptor descriptor, std::nothrow_t /*tag*/) noexcept {
    return wait_for(static_cast<int>(descriptor), {UV_WRITABLE, "wait to write to"});
}

void notify_closing(NativeDescriptor descriptor) noexcept {
    const int number = static_cast<int>(descriptor);
    Watched& all = watched_descriptors();
    for (auto next = all.lower_bound({number, nullptr});
         next != all.end() && next->first.first == number;) {
        const NodePtr<DescriptorNode> node(&next->second);
        next = all.erase(next);
        node->start_close();
    }
}

}  // namespace coloop

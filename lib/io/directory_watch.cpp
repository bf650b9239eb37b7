// SPDX-License-Identifier: MIT
#include <algorithm>
#include <deque>
#include <utility>

#include <uv.h>

#include <coloop/uv_error.hpp>
#include <coloop/watch.hpp>

#include "io/watch_node.hpp"

namespace coloop {

class DirectoryWatchNode final : public WatchNode<DirectoryEvent> {
public:
    static Result<NodePtr<DirectoryWatchNode>> create(LoopState& state, const Path& path,
                                                      std::size_t capacity) {
        NodePtr<DirectoryWatchNode> node(new DirectoryWatchNode(state, path, capacity));
        if (!can_be_path(path)) {
            return node->error(uv_code(UV_EINVAL));
        }
        int status = uv_fs_event_init(state.uv(), &node->uv_);
        if (status == 0) {
            node->initialised();
            status = uv_fs_event_start(&node->uv_, on_event, path.c_str(), 0);
        }
        if (status != 0) {
            node->start_close();
            return node->error(uv_code(status));
        }
        return node;
    }

private:
    DirectoryWatchNode(LoopState& state, const Path& path, std::size_t capacity)
        : WatchNode(state, path), capacity_(std::max<std::size_t>(capacity, 1)) {}

    static void on_event(uv_fs_event_t* uv, const char* name, int events, int status) noexcept {
        auto* node = static_cast<DirectoryWatchNode*>(static_cast<HandleNode*>(uv->data));
        if (status != 0) {
            node->failure_ = status;
        } else {
            node->add({name != nullptr ? name : "", (events & UV_RENAME) != 0,
                       (events & UV_CHANGE) != 0, false});
        }
        node->wake_one();
    }

    void add(DirectoryEvent event) {
        if (overflow_) {
            return;
        }
        if (!events_.empty() && events_.back().name == event.name &&
            events_.back().renamed == event.renamed && events_.back().changed == event.changed) {
            return;
        }
        if (events_.size() == capacity_) {
            overflow_ = true;
        } else {
            events_.push_back(std::move(event));
        }
    }

    [[nodiscard]] bool has_event() const noexcept override {
        return !events_.empty() || overflow_ || failure_ != 0;
    }

    Result<std::optional<DirectoryEvent>> take() noexcept override {
        if (!events_.empty()) {
            std::optional<DirectoryEvent> first = std::move(events_.front());
            events_.pop_front();
            return first;
        }
        if (std::exchange(overflow_, false)) {
            return std::optional(DirectoryEvent{{}, false, false, true});
        }
        return error(uv_code(std::exchange(failure_, 0)));
    }

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&uv_);
    }

    uv_fs_event_t uv_;
    std::size_t capacity_;
    std::deque<DirectoryEvent> events_;
    bool overflow_ = false;  // after those in events_ some were lost
    int failure_ = 0;
};

DirectoryWatch::DirectoryWatch(DirectoryWatchNode* node) noexcept : node_(node) { node_->retain(); }

DirectoryWatch::~DirectoryWatch() {
    if (node_ != nullptr) {
        node_->start_close();
        node_->release();
    }
}

Result<DirectoryWatch> DirectoryWatch::watch(const Path& path, const DirectoryWatchOptions& options,
                                             std::nothrow_t /*tag*/) noexcept {
    const auto node =
        DirectoryWatchNode::create(LoopState::current("watch"), path, options.capacity);
    return node ? DirectoryWatch(node->get()) : Result<DirectoryWatch>(node.error());
}

Result<std::optional<DirectoryEvent>> DirectoryWatch::next(std::nothrow_t /*tag*/) noexcept {
    return node_ != nullptr ? node_->next() : std::optional<DirectoryEvent>();
}

std::string DirectoryWatch::path() const {
    return node_ != nullptr ? node_->describe() : std::string();
}

void DirectoryWatch::close() noexcept {
    if (node_ != nullptr) {
        node_->close();
    }
}

}  // namespace coloop

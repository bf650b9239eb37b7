// SPDX-License-Identifier: MIT
#include <algorithm>
#include <climits>
#include <utility>

#include <uv.h>

#include <coloop/uv_error.hpp>
#include <coloop/watch.hpp>

#include "io/file_info.hpp"
#include "io/watch_node.hpp"

namespace coloop {

class FileWatchNode final : public WatchNode<FileChange> {
public:
    static Result<NodePtr<FileWatchNode>> create(LoopState& state, const Path& path,
                                                 std::chrono::milliseconds interval) {
        NodePtr<FileWatchNode> node(new FileWatchNode(state, path));
        if (!can_be_path(path)) {
            return node->error(uv_code(UV_EINVAL));
        }
        const auto pause = static_cast<unsigned>(
            std::clamp<std::int64_t>(static_cast<std::int64_t>(interval.count()), 1, UINT_MAX));
        int status = uv_fs_poll_init(state.uv(), &node->uv_);
        if (status == 0) {
            node->initialised();
            status = uv_fs_poll_start(&node->uv_, on_change, path.c_str(), pause);
        }
        if (status != 0) {
            node->start_close();
            return node->error(uv_code(status));
        }
        return node;
    }

private:
    using WatchNode::WatchNode;

    static void on_change(uv_fs_poll_t* uv, int status, const uv_stat_t* before,
                          const uv_stat_t* after) noexcept {
        auto* node = static_cast<FileWatchNode*>(static_cast<HandleNode*>(uv->data));
        if (!node->change_) {
            node->change_.emplace();
            // libuv gives nothing but zeroes if it never found the file, and what it last found if
            // the file was gone meanwhile.
            if (!node->missing_ && before->st_mode != 0) {
                node->change_->before = info_from(*before);
            }
        }
        node->missing_ = status != 0;
        node->change_->reason = uv_code(status);
        node->change_->after.reset();
        if (status == 0) {
            node->change_->after = info_from(*after);
        }
        node->wake_one();
    }

    [[nodiscard]] bool has_event() const noexcept override { return change_.has_value(); }

    Result<std::optional<FileChange>> take() noexcept override {
        return std::exchange(change_, std::nullopt);
    }

    [[nodiscard]] uv_handle_t* handle() noexcept override {
        return reinterpret_cast<uv_handle_t*>(&uv_);
    }

    uv_fs_poll_t uv_;
    std::optional<FileChange> change_;  // since somebody was told of one
    bool missing_ = false;
};

FileWatch::FileWatch(FileWatchNode* node) noexcept : node_(node) { node_->retain(); }

FileWatch::~FileWatch() {
    if (node_ != nullptr) {
        node_->start_close();
        node_->release();
    }
}

Result<FileWatch> FileWatch::watch(const Path& path, std::chrono::milliseconds interval,
                                   std::nothrow_t /*tag*/) noexcept {
    const auto node = FileWatchNode::create(LoopState::current("watch"), path, interval);
    return node ? FileWatch(node->get()) : Result<FileWatch>(node.error());
}

Result<std::optional<FileChange>> FileWatch::next(std::nothrow_t /*tag*/) noexcept {
    return node_ != nullptr ? node_->next() : std::optional<FileChange>();
}

std::string FileWatch::path() const { return node_ != nullptr ? node_->describe() : std::string(); }

void FileWatch::close() noexcept {
    if (node_ != nullptr) {
        node_->close();
    }
}

}  // namespace coloop

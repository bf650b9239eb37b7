// SPDX-License-Identifier: MIT
#include <array>
#include <mutex>
#include <utility>

#include <coloop/co_mutex.hpp>
#include <coloop/directory.hpp>

#include "io/file_info.hpp"
#include "io/fs_request.hpp"

namespace coloop::fs {

/// An open directory, shared by its Directory and those who read from it: the last one closes it.
class DirectoryNode final : public Describable {
public:
    DirectoryNode(uv_dir_t* opened, std::string path) noexcept
        : name(std::move(path)), dir_(opened) {}

    DirectoryNode(const DirectoryNode&) = delete;
    DirectoryNode& operator=(const DirectoryNode&) = delete;

    ~DirectoryNode() {
        if (dir_ != nullptr) {  // that waits for no disk
            uv_fs_t request{};
            uv_fs_closedir(nullptr, &request, dir_, nullptr);
            uv_fs_req_cleanup(&request);
        }
    }

    [[nodiscard]] std::string describe() const override { return name; }

    /// Reads some more entries if there are none left.
    Result<void> refill() noexcept;

    /// Without memory for a request it stays open until it is destroyed.
    Result<void> close() noexcept;

    /// The next of those that were read.
    std::optional<DirectoryEntry> take() noexcept {
        return next_ < entries_.size() ? std::optional(std::move(entries_[next_++])) : std::nullopt;
    }

    [[nodiscard]] bool empty() const noexcept { return next_ == entries_.size(); }

    const std::string name;
    CoMutex reading;
    bool closing = false;

private:
    static constexpr std::size_t at_once = 64;

    uv_dir_t* dir_;
    std::array<uv_dirent_t, at_once> batch_{};
    std::vector<DirectoryEntry> entries_;
    std::size_t next_ = 0;
};

Result<void> DirectoryNode::close() noexcept {
    const FsCall call{"close directory", *this, PoolRequest::Kind::committed};
    Result<FsAnswer> request = new_fs_request(call, FileUse());
    if (!request) {
        return request.error();
    }
    FsRequest& begun = **request;
    const int status = begun.started(uv_fs_closedir(
        begun.state().uv(), &begun.uv, std::exchange(dir_, nullptr), FsRequest::on_done));
    return without_value(wait_for_fs(call, *std::move(request), status));
}

Result<void> DirectoryNode::refill() noexcept {
    if (!empty()) {
        return {};
    }
    dir_->dirents = batch_.data();
    dir_->nentries = batch_.size();
    // Entries that nobody takes would be lost, so this waits for a thread that has begun.
    const Result<FsAnswer> answer = call_fs({"read directory", *this, PoolRequest::Kind::pinned},
                                            FileUse(), uv_fs_readdir, dir_);
    if (!answer) {
        return answer.error();
    }
    entries_.clear();
    next_ = 0;
    const auto count = static_cast<std::size_t>((*answer)->uv.result);
    for (std::size_t i = 0; i < count; ++i) {
        entries_.push_back({batch_[i].name, kind_from(batch_[i].type)});
    }
    return {};
}

namespace {

Error not_open(const char* operation) {
    return {Errc::closed, operation, "a Directory that is not open"};
}

void close_unwanted(LoopState& state, const uv_fs_t& request) {
    forget_fs(&state, uv_fs_closedir, static_cast<uv_dir_t*>(request.ptr));
}

}  // namespace

Directory::Directory(std::shared_ptr<DirectoryNode> node) noexcept : node_(std::move(node)) {}

Directory::Directory(Directory&& other) noexcept = default;
Directory& Directory::operator=(Directory&& other) noexcept = default;
Directory::~Directory() = default;

Result<Directory> Directory::open(const Path& path, std::nothrow_t /*tag*/) noexcept {
    return taken_from(call_on_path("open directory", path, close_unwanted, uv_fs_opendir),
                      [&](const uv_fs_t& request) {
                          return Directory(std::make_shared<DirectoryNode>(
                              static_cast<uv_dir_t*>(request.ptr), path.string()));
                      });
}

Result<std::optional<DirectoryEntry>> Directory::next(std::nothrow_t /*tag*/) noexcept {
    const std::shared_ptr<DirectoryNode> node = node_;
    if (node == nullptr) {
        return not_open("read directory");
    }
    const FsCall call{"read directory", *node};
    LoopState::current(call.operation);
    try {
        const std::lock_guard lock(node->reading);
        if (node->closing) {
            return fs_error(call, Errc::closed);
        }
        if (Result<void> filled = node->refill(); !filled) {
            return filled.error();
        }
        return node->take();
    } catch (const Cancelled&) {
        return fs_error(call, Errc::cancelled);
    }
}

Result<void> Directory::close(std::nothrow_t /*tag*/) noexcept {
    const std::shared_ptr<DirectoryNode> node = std::move(node_);
    if (node == nullptr) {
        return {};
    }
    const FsCall call{"close directory", *node};
    LoopState::current(call.operation);
    node->closing = true;
    try {
        const std::lock_guard lock(node->reading);
        if (Wait::already_cancelled()) {
            return fs_error(call, Errc::cancelled);
        }
        return node->close();
    } catch (const Cancelled&) {  // whoever reads closes it at the end
        return fs_error(call, Errc::cancelled);
    }
}

}  // namespace coloop::fs

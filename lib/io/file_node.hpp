// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <uv.h>

#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/wait.hpp>

namespace coloop {

/// An open file, shared by its File and by the requests on it that the pool has. It closes the
/// descriptor when the last of them lets go, so that no request finds the number reused.
class FileNode final : public Describable {
public:
    enum class Ownership : bool { borrowed, owned };

    FileNode(uv_file opened, std::string path, Ownership ownership) noexcept
        : name(std::move(path)), file_(opened), ownership_(ownership) {}

    FileNode(const FileNode&) = delete;
    FileNode& operator=(const FileNode&) = delete;
    ~FileNode();

    [[nodiscard]] std::string describe() const override { return name; }

    [[nodiscard]] uv_file file() const noexcept { return file_; }

    [[nodiscard]] bool owned() const noexcept { return ownership_ == Ownership::owned; }

    /// The descriptor, which is from now on the caller's to close.
    uv_file release() noexcept { return std::exchange(file_, -1); }

    [[nodiscard]] bool in_use() const noexcept { return users_ > 0; }

    /// Waits until no request uses the file; false if cancelled.
    [[nodiscard]] bool wait_unused() noexcept;

    const std::string name;
    CoMutex writing;             // each write at the position is whole
    bool reading = false;        // at the position
    bool written = false;        // so closing may take long
    bool answers_nowait = true;  // false once the system said that it can't for this file
    bool closing = false;

private:
    friend class FileUse;

    uv_file file_;
    Ownership ownership_;
    std::size_t users_ = 0;
    CoQueue unused_{"close", this};
};

/// One request's hold on an open file; empty for requests on paths.
class FileUse {
public:
    FileUse() = default;

    explicit FileUse(std::shared_ptr<FileNode> node) noexcept : node_(std::move(node)) {
        ++node_->users_;
    }

    FileUse(FileUse&& other) noexcept = default;
    FileUse& operator=(FileUse&& other) = delete;

    ~FileUse() {
        if (node_ != nullptr && --node_->users_ == 0) {
            node_->unused_.wake_all();
        }
    }

private:
    std::shared_ptr<FileNode> node_;
};

}  // namespace coloop

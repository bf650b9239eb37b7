// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <coloop/copy.hpp>

#include "io/file_node.hpp"
#include "io/stream_node.hpp"

namespace coloop {

/// How far a copy() has come.
class CopyProgress {
public:
    explicit CopyProgress(const CopyOptions& options) : options_(options) {
        count(0);
        failed(CopyEnd::neither);
    }

    [[nodiscard]] std::uint64_t copied() const noexcept { return copied_; }

    /// How many bytes the next piece may have; 0 if there must be no more.
    [[nodiscard]] std::size_t piece(std::size_t most) const noexcept {
        return static_cast<std::size_t>(std::min<std::uint64_t>(most, options_.most - copied_));
    }

    void add(std::size_t bytes) {
        count(bytes);
        if (options_.progress) {
            options_.progress(copied_);
        }
    }

    void failed(CopyEnd end) noexcept {
        if (options_.failed != nullptr) {
            *options_.failed = end;
        }
    }

private:
    void count(std::size_t bytes) noexcept {
        copied_ += bytes;
        if (options_.copied != nullptr) {
            *options_.copied = copied_;
        }
    }

    const CopyOptions& options_;
    std::uint64_t copied_ = 0;
};

// Each copies until the end, or until only reading and writing can tell what the matter is, and
// returns an Error only if it is certain of that.

Result<void> copy_file_to_file(const std::shared_ptr<FileNode>& from,
                               const std::shared_ptr<FileNode>& to,
                               CopyProgress& progress) noexcept;

Result<void> copy_file_to_stream(const std::shared_ptr<FileNode>& from, StreamNode& to,
                                 CopyProgress& progress) noexcept;

Result<void> copy_stream_to_stream(StreamNode& from, StreamNode& to,
                                   CopyProgress& progress) noexcept;

}  // namespace coloop

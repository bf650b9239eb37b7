// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace coloop {

/// Removes a directory and all below it, some at a time; used on threads of the pool.
///
/// Each directory is opened relative to the one that it is in, and not if it is a symbolic link, so
/// that nobody who changes the tree meanwhile can make it remove what is elsewhere.
class TreeRemover {
public:
    explicit TreeRemover(std::string root) noexcept;
    TreeRemover(const TreeRemover&) = delete;
    TreeRemover& operator=(const TreeRemover&) = delete;
    ~TreeRemover();

    /// Removes some more; false if nothing is left to do.
    bool step() noexcept;

    [[nodiscard]] std::uint64_t removed() const noexcept { return removed_; }

    /// The first failure, as libuv's code; 0 if there was none.
    [[nodiscard]] int error() const noexcept { return error_; }

    /// What could not be removed first.
    [[nodiscard]] const std::string& failed_path() const noexcept { return failed_path_; }

private:
    struct Level;

    [[nodiscard]] int innermost() const noexcept;
    void remove(int parent, const char* name, bool directory) noexcept;
    void enter(int parent, const char* name, int refusal) noexcept;
    void leave() noexcept;
    void count_removed() noexcept;
    void note(int error, const char* name) noexcept;

    std::string root_;
    bool begun_ = false;
    std::vector<std::unique_ptr<Level>> levels_;  // the open directories, outermost first
    std::uint64_t removed_ = 0;
    int error_ = 0;
    std::string failed_path_;
};

/// Removes a tree in the background, or at once outside of coroutines on a loop.
void remove_later(std::string path) noexcept;

}  // namespace coloop

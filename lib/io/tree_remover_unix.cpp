// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstring>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include "io/tree_remover.hpp"

namespace coloop {

namespace {

// After so many entries others may have the thread, and a cancelled caller may leave.
constexpr int entries_at_once = 256;

bool is_dots(const char* name) noexcept {
    return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

}  // namespace

struct TreeRemover::Level {
    Level(DIR* opened, std::string its_name) noexcept : dir(opened), name(std::move(its_name)) {}

    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

    ~Level() { closedir(dir); }

    DIR* dir;
    std::string name;
    bool progress = false;  // since its entries were last read from the beginning
};

TreeRemover::TreeRemover(std::string root) noexcept : root_(std::move(root)) {}

TreeRemover::~TreeRemover() {
    while (!levels_.empty()) {
        levels_.pop_back();
    }
}

int TreeRemover::innermost() const noexcept {
    return levels_.empty() ? AT_FDCWD : dirfd(levels_.back()->dir);
}

bool TreeRemover::step() noexcept {
    if (!begun_) {
        begun_ = true;
        remove(AT_FDCWD, root_.c_str(), false);
    }
    for (int i = 0; i < entries_at_once && !levels_.empty(); ++i) {
        errno = 0;
        const dirent* entry = readdir(levels_.back()->dir);
        if (entry == nullptr) {
            if (errno != 0) {
                note(errno, nullptr);
            }
            leave();
        } else if (!is_dots(entry->d_name)) {
            remove(innermost(), entry->d_name, entry->d_type == DT_DIR);
        }
    }
    return !levels_.empty();
}

/// Removes an entry, or enters it if it is a directory.
void TreeRemover::remove(int parent, const char* name, bool directory) noexcept {
    if (directory) {
        enter(parent, name, 0);
        return;
    }
    if (unlinkat(parent, name, 0) == 0) {
        count_removed();
        return;
    }
    if (errno != ENOENT) {           // somebody else may have been faster
        enter(parent, name, errno);  // systems refuse a directory in many ways
    }
}

/// Makes a directory the innermost one; `refusal` is why it was not removed as a file.
void TreeRemover::enter(int parent, const char* name, int refusal) noexcept {
    const int file = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR* dir = file < 0 ? nullptr : fdopendir(file);
    if (dir != nullptr) {
        levels_.push_back(std::make_unique<Level>(dir, name));
        return;
    }
    const int reason = errno;
    if (file >= 0) {
        close(file);
    }
    if (reason == ENOENT) {
        return;
    }
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0) {  // an empty one need not be entered
        count_removed();
        return;
    }
    const bool is_directory = reason != ENOTDIR && reason != ELOOP;
    note(is_directory || refusal == 0 ? reason : refusal, name);
}

/// Leaves the innermost directory, which should be empty now, and removes it.
void TreeRemover::leave() noexcept {
    Level& level = *levels_.back();
    const int parent = levels_.size() > 1 ? dirfd(levels_[levels_.size() - 2]->dir) : AT_FDCWD;
    const std::string name = level.name;
    const bool removed = unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0;
    const int reason = errno;
    if (!removed && (reason == ENOTEMPTY || reason == EEXIST) &&
        std::exchange(level.progress, false)) {
        rewinddir(level.dir);  // some file systems skip entries while others are removed
        return;
    }
    levels_.pop_back();
    if (removed) {
        count_removed();
    } else if (reason != ENOENT) {
        note(reason, name.c_str());
    }
}

/// Counts an entry of the innermost directory.
void TreeRemover::count_removed() noexcept {
    ++removed_;
    if (!levels_.empty()) {
        levels_.back()->progress = true;
    }
}

/// Remembers the first failure; `name` is in the innermost directory, or null for that itself.
void TreeRemover::note(int error, const char* name) noexcept {
    if (error_ != 0) {
        return;
    }
    error_ = uv_translate_sys_error(error);
    for (const auto& level : levels_) {
        failed_path_ += failed_path_.empty() || failed_path_.ends_with('/') ? "" : "/";
        failed_path_ += level->name;
    }
    if (name != nullptr) {
        failed_path_ += failed_path_.empty() || failed_path_.ends_with('/') ? "" : "/";
        failed_path_ += name;
    }
}

}  // namespace coloop

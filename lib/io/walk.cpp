// SPDX-License-Identifier: MIT
#include <utility>

#include <coloop/directory.hpp>

namespace coloop::fs {

Walk::Walk(const Path& root) : to_come_{{root.string(), 0}} {}

Walk::Walk(Walk&& other) noexcept = default;
Walk& Walk::operator=(Walk&& other) noexcept = default;
Walk::~Walk() = default;

Result<std::optional<WalkEntry>> Walk::next(std::nothrow_t /*tag*/) noexcept {
    while (open_ || !to_come_.empty()) {
        Result<std::optional<WalkEntry>> entry = step();
        if (!entry || *entry) {
            return entry;
        }
    }
    return std::optional<WalkEntry>();
}

/// Opens a directory or goes one entry on in the one that is open; no value if there is more to do.
Result<std::optional<WalkEntry>> Walk::step() noexcept {
    if (!open_) {
        Result<Directory> opened = Directory::open(to_come_.back().path, std::nothrow);
        if (!opened && opened.error().code() == Errc::cancelled) {
            return opened.error();
        }
        here_ = std::move(to_come_.back());
        to_come_.pop_back();
        last_can_be_skipped_ = false;
        if (!opened) {
            return failed(opened.error());
        }
        open_ = *std::move(opened);
    }
    if (!seen_) {
        Result<std::optional<DirectoryEntry>> read = open_->next(std::nothrow);
        if (!read) {
            return failed(read.error());
        }
        if (!*read) {
            open_.reset();
            return std::optional<WalkEntry>();
        }
        seen_ = *std::move(read);
    }
    const std::string separator = here_.path.ends_with('/') ? "" : "/";
    WalkEntry entry{here_.path + separator + seen_->name, seen_->kind, here_.depth + 1, {}};
    const Result<FileKind> kind = kind_of(entry.path, seen_->kind);
    if (!kind) {
        return kind.error();
    }
    entry.kind = *kind;
    seen_.reset();
    last_can_be_skipped_ = entry.kind == FileKind::directory;
    if (last_can_be_skipped_) {
        to_come_.push_back({entry.path, entry.depth});
    }
    return std::optional(std::move(entry));
}

/// The entry for a directory that can't be read further; a cancellation stays one.
Result<std::optional<WalkEntry>> Walk::failed(const Error& error) noexcept {
    if (error.code() == Errc::cancelled) {
        return error;
    }
    open_.reset();
    return std::optional(WalkEntry{here_.path, FileKind::directory, here_.depth, error});
}

/// Asks where the directory did not tell; fails only if cancelled.
Result<FileKind> Walk::kind_of(const std::string& path, FileKind told) noexcept {
    if (told != FileKind::unknown) {
        return told;
    }
    const Result<FileInfo> info = lstat(path, std::nothrow);
    if (!info && info.error().code() == Errc::cancelled) {
        return info.error();
    }
    return info ? info->kind : FileKind::unknown;
}

void Walk::skip() noexcept {
    if (last_can_be_skipped_) {
        to_come_.pop_back();
        last_can_be_skipped_ = false;
    }
}

}  // namespace coloop::fs

// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coloop/error.hpp>
#include <coloop/export.hpp>
#include <coloop/file_info.hpp>
#include <coloop/fs.hpp>
#include <coloop/path.hpp>
#include <coloop/result.hpp>

/// Going through directories, however large they are.
namespace coloop::fs {

class DirectoryNode;

/// The input iterator of Directory and Walk, which call next() for it.
template <typename Range, typename Entry>
class EntryIterator {
public:
    using difference_type = std::ptrdiff_t;
    using value_type = Entry;

    explicit EntryIterator(Range& range) : range_(&range) { ++*this; }

    const Entry& operator*() const noexcept { return *entry_; }

    const Entry* operator->() const noexcept { return &*entry_; }

    EntryIterator& operator++() {
        entry_ = range_->next();
        return *this;
    }

    void operator++(int) { ++*this; }

    bool operator==(std::default_sentinel_t /*end*/) const noexcept { return !entry_; }

private:
    Range* range_;
    std::optional<Entry> entry_;
};

/// An open directory, whose entries are read some at a time:
///
///     for (const auto& entry : coloop::fs::Directory::open("/tmp")) { … }
///
/// They come in no particular order, and without `.` and `..`. What is added or removed meanwhile
/// may or may not be among them. For a small directory, scandir() is simpler and sorts.
///
/// Reading must be done in a coroutine of a loop; several may take entries, each then gets others.
/// A cancelled coroutine loses none. The destructor closes the directory without waiting.
class COLOOP_EXPORT Directory {
public:
    /// Opens the directory at `path`. Throws Error: "open directory /tmp/x: not a directory". One
    /// that a cancelled call has opened is closed again.
    [[nodiscard]] static Directory open(const Path& path) {
        return open(path, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<Directory> open(const Path& path, std::nothrow_t tag) noexcept;

    Directory(Directory&& other) noexcept;
    Directory& operator=(Directory&& other) noexcept;
    ~Directory();

    /// The next entry; no value after the last. Throws Error if the system says so, or if the
    /// directory is closed.
    std::optional<DirectoryEntry> next() { return next(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<std::optional<DirectoryEntry>> next(std::nothrow_t tag) noexcept;

    /// Closes it once nobody reads from it any more; those who wait for their turn to read get an
    /// Error. A cancelled coroutine doesn't wait: it is closed without it. Closing twice is fine.
    void close() { close(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> close(std::nothrow_t tag) noexcept;

    using Iterator = EntryIterator<Directory, DirectoryEntry>;

    /// Reads the first entry. To be called once.
    [[nodiscard]] Iterator begin() { return Iterator(*this); }

    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    explicit Directory(std::shared_ptr<DirectoryNode> node) noexcept;

    std::shared_ptr<DirectoryNode> node_;
};

/// What a Walk comes upon.
struct WalkEntry {
    std::string path;  ///< the root's path, as it was given, and the names below it
    FileKind kind = FileKind::unknown;
    std::size_t depth = 0;       ///< 1 for what is in the root itself
    std::optional<Error> error;  ///< why this directory, or the rest of it, can't be read

    /// The last part of the path.
    [[nodiscard]] std::string_view name() const noexcept {
        return std::string_view(path).substr(path.rfind('/') + 1);
    }
};

/// All that is below a directory, whatever the depth:
///
///     for (const auto& entry : coloop::fs::Walk("/etc")) { … }
///
/// First comes all that is in a directory, then what is in those inside it. Symbolic links are
/// entries like others and are not followed, so it comes to an end; only the root may be one. It
/// has one directory open at a time, whatever the depth, and remembers the paths of those to come.
///
/// A directory that can't be read makes one more entry, with the error, and the walk goes on; so
/// does the root. A directory that somebody replaces by a symbolic link, after it was seen and
/// before it is opened, is followed: don't trust the paths in directories that others may change.
///
/// For one coroutine of a loop.
class COLOOP_EXPORT Walk {
public:
    explicit Walk(const Path& root);
    Walk(Walk&& other) noexcept;
    Walk& operator=(Walk&& other) noexcept;
    ~Walk();

    /// The next entry; no value after the last. Throws only Cancelled, and loses no entry then.
    std::optional<WalkEntry> next() { return next(std::nothrow).value(); }

    /// The same; returns Errc::cancelled.
    Result<std::optional<WalkEntry>> next(std::nothrow_t tag) noexcept;

    /// Leaves out what is in the directory that was the last entry.
    void skip() noexcept;

    using Iterator = EntryIterator<Walk, WalkEntry>;

    /// Reads the first entry. To be called once.
    [[nodiscard]] Iterator begin() { return Iterator(*this); }

    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    struct Place {
        std::string path;
        std::size_t depth;
    };

    Result<std::optional<WalkEntry>> step() noexcept;
    Result<std::optional<WalkEntry>> failed(const Error& error) noexcept;
    Result<FileKind> kind_of(const std::string& path, FileKind told) noexcept;

    std::vector<Place> to_come_;
    std::optional<Directory> open_;
    Place here_;                          // the directory that is open
    std::optional<DirectoryEntry> seen_;  // of it; not handed out yet
    bool last_can_be_skipped_ = false;
};

/// Removes what is at `path`, and all below it if it is a directory; returns how much that was: 0
/// if there was nothing. Goes on after what can't be removed, and then throws the first such Error:
/// "remove /srv/x/y: permission denied".
///
/// It never leaves the tree: each directory is opened as part of the one around it and never
/// through a symbolic link, so nobody who may change the tree meanwhile can turn it to other files.
/// Who may change the directory around `path` can still put another tree into its place before it
/// begins. Takes one descriptor for each level of directories.
///
/// A cancelled call stops soon; what it has removed is gone.
COLOOP_EXPORT Result<std::uint64_t> remove_all(const Path& path, std::nothrow_t tag) noexcept;

inline std::uint64_t remove_all(const Path& path) { return remove_all(path, std::nothrow).value(); }

}  // namespace coloop::fs

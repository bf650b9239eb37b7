// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <coloop/export.hpp>
#include <coloop/file_info.hpp>
#include <coloop/path.hpp>
#include <coloop/result.hpp>

namespace coloop {

class DirectoryWatchNode;
class FileWatchNode;

/// What has happened in a directory that is watched.
struct DirectoryEvent {
    std::string name;       ///< of the entry; empty if the system does not say, or on overflow
    bool renamed = false;   ///< it has come or gone; on Linux also if a directory has changed
    bool changed = false;   ///< its content, or what is known about it, has changed
    bool overflow = false;  ///< events were lost: look at the directory itself
};

struct DirectoryWatchOptions {
    /// How many events are kept while nobody asks for them; those beyond are lost, and next() says
    /// so with an `overflow`.
    std::size_t capacity = 1024;
};

/// The changes of a directory's entries, or of one file, as the system reports them: one event for
/// each, in order, but equal ones in a row count as one. Directories below are not watched.
///
///     coloop::DirectoryWatch inbox("/var/spool/inbox");
///     while (const auto event = inbox.next()) {
///         std::puts(event->name.c_str());
///     }
///
/// Watches from its construction on. Belongs to the loop of the coroutine that made it; keeps the
/// loop alive only while somebody waits. Movable; moved from, it is closed. The destructor closes
/// it without waiting.
class COLOOP_EXPORT DirectoryWatch {
public:
    /// Does not wait. Throws Error if there is no such path, it may not be read, or the system does
    /// not watch any more of them.
    explicit DirectoryWatch(const Path& path, const DirectoryWatchOptions& options = {})
        : DirectoryWatch(watch(path, options, std::nothrow).value()) {}

    /// The same; returns the Error.
    static Result<DirectoryWatch> watch(const Path& path, const DirectoryWatchOptions& options,
                                        std::nothrow_t tag) noexcept;

    explicit DirectoryWatch(DirectoryWatchNode* node) noexcept;

    DirectoryWatch(DirectoryWatch&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}

    DirectoryWatch& operator=(DirectoryWatch&& other) noexcept {
        DirectoryWatch taken(std::move(other));
        std::swap(node_, taken.node_);
        return *this;
    }

    ~DirectoryWatch();

    /// Waits for the next event; returns nullopt once the watch is closed. Several coroutines may
    /// wait; each gets another event. Must be called in a coroutine.
    ///
    /// Throws Error if the system can't go on watching, and Cancelled if the coroutine is cancelled
    /// before or while it waits; no event is lost then.
    std::optional<DirectoryEvent> next() { return next(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<std::optional<DirectoryEvent>> next(std::nothrow_t tag) noexcept;

    /// What is watched, as it was given.
    [[nodiscard]] std::string path() const;

    /// Ends the watch and returns when that is done; those who wait get nullopt. Closing twice is
    /// fine. Not cancelled.
    void close() noexcept;

private:
    DirectoryWatchNode* node_ = nullptr;
};

/// How a file that is watched has changed, from when next() last said so until now.
struct FileChange {
    std::optional<FileInfo> before;  ///< empty if it was not there
    std::optional<FileInfo> after;   ///< empty if it is not there, or can't be asked about
    std::error_code reason;          ///< why there is no `after`
};

/// Looks at a path again and again, and reports when what is known about it has changed: for file
/// systems that DirectoryWatch hears nothing of (network, /proc), and for files that come and go.
///
/// The thread pool is asked after each `interval`, also while nobody waits. See DirectoryWatch for
/// where it belongs and how it moves.
class COLOOP_EXPORT FileWatch {
public:
    /// Does not wait. The first look tells how the file is now; that it is not there is a change,
    /// from nothing to nothing. Throws Error if `path` can't be one.
    FileWatch(const Path& path, std::chrono::milliseconds interval)
        : FileWatch(watch(path, interval, std::nothrow).value()) {}

    /// The same; returns the Error.
    static Result<FileWatch> watch(const Path& path, std::chrono::milliseconds interval,
                                   std::nothrow_t tag) noexcept;

    explicit FileWatch(FileWatchNode* node) noexcept;

    FileWatch(FileWatch&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}

    FileWatch& operator=(FileWatch&& other) noexcept {
        FileWatch taken(std::move(other));
        std::swap(node_, taken.node_);
        return *this;
    }

    ~FileWatch();

    /// Waits until the file has changed since this was last called; returns nullopt once the watch
    /// is closed. Changes that come while nobody waits become one. Must be called in a coroutine.
    ///
    /// Throws Cancelled if the coroutine is cancelled before or while it waits; no change is lost
    /// then.
    std::optional<FileChange> next() { return next(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<std::optional<FileChange>> next(std::nothrow_t tag) noexcept;

    /// What is watched, as it was given.
    [[nodiscard]] std::string path() const;

    /// Ends the watch and returns when that is done; those who wait get nullopt. Closing twice is
    /// fine. Not cancelled.
    void close() noexcept;

private:
    FileWatchNode* node_ = nullptr;
};

}  // namespace coloop

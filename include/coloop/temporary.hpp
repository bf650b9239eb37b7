// SPDX-License-Identifier: MIT
#pragma once

#include <new>
#include <string>
#include <string_view>

#include <coloop/export.hpp>
#include <coloop/file.hpp>
#include <coloop/fs.hpp>
#include <coloop/path.hpp>
#include <coloop/result.hpp>

/// Files and directories that go when nobody needs them any more.
///
/// Made where the system wants such things (the environment's TMPDIR, or /tmp), or with a prefix
/// that is given, as in fs::mkdtemp(). Must be made in a coroutine of a loop.
///
/// remove() waits until they are gone, and says if that fails. A destructor can't wait: in a
/// coroutine of a loop it leaves the removal to the thread pool, and the loop does not close before
/// that is done; elsewhere it removes at once, and blocks for as long as that takes. It keeps
/// failures to itself.
namespace coloop::fs {

/// A directory for the time that this object lives.
class COLOOP_EXPORT TemporaryDirectory {
public:
    /// Makes one, for this user only. Throws Error. What a cancelled call has made is removed.
    [[nodiscard]] static TemporaryDirectory create() { return create(std::nothrow).value(); }

    [[nodiscard]] static TemporaryDirectory create(const Path& prefix) {
        return create(prefix, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<TemporaryDirectory> create(std::nothrow_t tag) noexcept;
    static Result<TemporaryDirectory> create(const Path& prefix, std::nothrow_t tag) noexcept;

    TemporaryDirectory(TemporaryDirectory&& other) noexcept;
    TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
    ~TemporaryDirectory();

    /// Where it is; empty if it was removed or kept.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// The path of `name` in it.
    [[nodiscard]] std::string operator/(std::string_view name) const {
        return path_ + "/" + std::string(name);
    }

    /// Removes it, and all in it, as fs::remove_all() does. If that fails or is cancelled, the
    /// destructor tries again. Twice is fine.
    void remove() { remove(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> remove(std::nothrow_t tag) noexcept;

    /// Leaves the directory where it is, and says where.
    std::string keep() noexcept;

private:
    explicit TemporaryDirectory(std::string path) noexcept;

    std::string path_;
};

/// A file for the time that this object lives, open for reading and writing.
class COLOOP_EXPORT TemporaryFile {
public:
    /// Makes one, for this user only. Throws Error. What a cancelled call has made is removed.
    [[nodiscard]] static TemporaryFile create() { return create(std::nothrow).value(); }

    [[nodiscard]] static TemporaryFile create(const Path& prefix) {
        return create(prefix, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<TemporaryFile> create(std::nothrow_t tag) noexcept;
    static Result<TemporaryFile> create(const Path& prefix, std::nothrow_t tag) noexcept;

    TemporaryFile(TemporaryFile&& other) noexcept;
    TemporaryFile& operator=(TemporaryFile&& other) noexcept;
    ~TemporaryFile();

    /// The file; it may be closed before it is removed.
    [[nodiscard]] File& file() noexcept { return made_.file; }

    /// Where it is; empty if it was removed or kept.
    [[nodiscard]] const std::string& path() const noexcept { return made_.path; }

    /// Closes the file and removes it. If that fails or is cancelled, the destructor tries again.
    /// Twice is fine.
    void remove() { remove(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<void> remove(std::nothrow_t tag) noexcept;

    /// Leaves the file where it is, and gives it away.
    [[nodiscard]] NewFile keep() noexcept;

private:
    explicit TemporaryFile(NewFile made) noexcept;

    NewFile made_;
};

}  // namespace coloop::fs

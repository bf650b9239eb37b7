// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>

#include <coloop/fs.hpp>

#include "io/file_info.hpp"
#include "io/fs_request.hpp"

namespace coloop::fs {

namespace {

void remove_directory(LoopState& state, const uv_fs_t& request) {
    forget_fs(&state, uv_fs_rmdir, request.path);
}

void remove_file(LoopState& state, const uv_fs_t& request) {
    forget_fs(&state, uv_fs_close, static_cast<uv_file>(request.result));
    forget_fs(&state, uv_fs_unlink, request.path);
}

/// For operations that bring nothing but success.
template <typename Start, typename... Arguments>
Result<void> change(const char* operation, const Path& path, Start start,
                    Arguments... arguments) noexcept {
    return without_value(call_on_path(operation, path, nullptr, start, arguments...));
}

Result<std::string> string_from(const Result<FsAnswer>& answer) noexcept {
    return taken_from(answer, [](const uv_fs_t& request) {
        return std::string(static_cast<const char*>(request.ptr));
    });
}

/// uv_fs_mkdtemp() and uv_fs_mkstemp() want the place of the six characters.
Path with_place(const Path& prefix) { return prefix.string() + "XXXXXX"; }

uv_uid_t user(unsigned number) noexcept { return static_cast<uv_uid_t>(number); }

uv_gid_t group_of(unsigned number) noexcept { return static_cast<uv_gid_t>(number); }

}  // namespace

Result<FileInfo> stat(const Path& path, std::nothrow_t /*tag*/) noexcept {
    return taken_from(call_on_path("stat", path, nullptr, uv_fs_stat),
                      [](const uv_fs_t& request) { return info_from(request.statbuf); });
}

Result<FileInfo> lstat(const Path& path, std::nothrow_t /*tag*/) noexcept {
    return taken_from(call_on_path("lstat", path, nullptr, uv_fs_lstat),
                      [](const uv_fs_t& request) { return info_from(request.statbuf); });
}

Result<SpaceInfo> statfs(const Path& path, std::nothrow_t /*tag*/) noexcept {
    return taken_from(call_on_path("statfs", path, nullptr, uv_fs_statfs),
                      [](const uv_fs_t& request) {
                          return info_from(*static_cast<const uv_statfs_t*>(request.ptr));
                      });
}

Result<void> access(const Path& path, Access wanted, std::nothrow_t /*tag*/) noexcept {
    return change("access", path, uv_fs_access, static_cast<int>(wanted));
}

Result<void> unlink(const Path& path, std::nothrow_t /*tag*/) noexcept {
    return change("unlink", path, uv_fs_unlink);
}

Result<void> mkdir(const Path& path, unsigned permissions, std::nothrow_t /*tag*/) noexcept {
    return change("mkdir", path, uv_fs_mkdir, static_cast<int>(permissions));
}

Result<void> rmdir(const Path& path, std::nothrow_t /*tag*/) noexcept {
    return change("rmdir", path, uv_fs_rmdir);
}

Result<void> rename(const Path& from, const Path& to, std::nothrow_t /*tag*/) noexcept {
    return without_value(call_on_paths("rename", from, to, uv_fs_rename));
}

Result<void> link(const Path& file, const Path& name, std::nothrow_t /*tag*/) noexcept {
    return without_value(call_on_paths("link", file, name, uv_fs_link));
}

Result<void> symlink(const Path& target, const Path& name, std::nothrow_t /*tag*/) noexcept {
    return without_value(call_on_paths("symlink", target, name, uv_fs_symlink, 0));
}

Result<std::string> readlink(const Path& path, std::nothrow_t /*tag*/) noexcept {
    return string_from(call_on_path("readlink", path, nullptr, uv_fs_readlink));
}

Result<std::string> realpath(const Path& path, std::nothrow_t /*tag*/) noexcept {
    return string_from(call_on_path("realpath", path, nullptr, uv_fs_realpath));
}

Result<void> chmod(const Path& path, unsigned permissions, std::nothrow_t /*tag*/) noexcept {
    return change("chmod", path, uv_fs_chmod, static_cast<int>(permissions));
}

Result<void> chown(const Path& path, unsigned owner, unsigned group,
                   std::nothrow_t /*tag*/) noexcept {
    return change("chown", path, uv_fs_chown, user(owner), group_of(group));
}

Result<void> lchown(const Path& path, unsigned owner, unsigned group,
                    std::nothrow_t /*tag*/) noexcept {
    return change("lchown", path, uv_fs_lchown, user(owner), group_of(group));
}

Result<void> utime(const Path& path, FileTime accessed, FileTime modified,
                   std::nothrow_t /*tag*/) noexcept {
    return change("utime", path, uv_fs_utime, seconds_from(accessed), seconds_from(modified));
}

Result<void> lutime(const Path& path, FileTime accessed, FileTime modified,
                    std::nothrow_t /*tag*/) noexcept {
    return change("lutime", path, uv_fs_lutime, seconds_from(accessed), seconds_from(modified));
}

Result<void> copy_file(const Path& from, const Path& to, CopyMode mode,
                       std::nothrow_t /*tag*/) noexcept {
    const int exclusive = has(mode, CopyMode::exclusive) ? UV_FS_COPYFILE_EXCL : 0;
    const int share =
        has(mode, CopyMode::share) ? UV_FS_COPYFILE_FICLONE_FORCE : UV_FS_COPYFILE_FICLONE;
    return without_value(call_on_paths("copy", from, to, uv_fs_copyfile, exclusive | share));
}

Result<std::string> mkdtemp(const Path& prefix, std::nothrow_t /*tag*/) noexcept {
    return taken_from(call_on_path("mkdtemp", with_place(prefix), remove_directory, uv_fs_mkdtemp),
                      [](const uv_fs_t& request) { return std::string(request.path); });
}

Result<NewFile> mkstemp(const Path& prefix, std::nothrow_t /*tag*/) noexcept {
    return taken_from(call_on_path("mkstemp", with_place(prefix), remove_file, uv_fs_mkstemp),
                      [](const uv_fs_t& request) {
                          const NativeFile file{static_cast<int>(request.result)};
                          return NewFile{File::adopt(file, request.path), request.path};
                      });
}

Result<std::vector<DirectoryEntry>> scandir(const Path& path, std::nothrow_t /*tag*/) noexcept {
    return taken_from(
        call_on_path("scandir", path, nullptr, uv_fs_scandir, 0), [](uv_fs_t& request) {
            std::vector<DirectoryEntry> entries;
            uv_dirent_t entry{};
            while (uv_fs_scandir_next(&request, &entry) == 0) {
                entries.push_back({entry.name, kind_from(entry.type)});
            }
            std::sort(entries.begin(), entries.end(),
                      [](const auto& one, const auto& other) { return one.name < other.name; });
            return entries;
        });
}

}  // namespace coloop::fs

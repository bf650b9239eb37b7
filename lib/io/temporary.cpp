// SPDX-License-Identifier: MIT
#include <array>
#include <utility>

#include <coloop/directory.hpp>
#include <coloop/temporary.hpp>
#include <coloop/uv_error.hpp>

#include "io/fs_request.hpp"
#include "io/tree_remover.hpp"

namespace coloop::fs {

namespace {

/// What the names of temporary things begin with, where the system wants them.
Result<std::string> standard_prefix() noexcept {
    std::array<char, 4096> place;
    std::size_t size = place.size();
    if (const int status = uv_os_tmpdir(place.data(), &size)) {
        return Error(uv_code(status), "find the place for temporary files");
    }
    return std::string(place.data(), size) + "/coloop-";
}

}  // namespace

TemporaryDirectory::TemporaryDirectory(std::string path) noexcept : path_(std::move(path)) {}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(other.keep()) {}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
    if (!path_.empty()) {
        remove_later(std::move(path_));
    }
}

Result<TemporaryDirectory> TemporaryDirectory::create(std::nothrow_t tag) noexcept {
    const Result<std::string> prefix = standard_prefix();
    return prefix ? create(*prefix, tag) : prefix.error();
}

Result<TemporaryDirectory> TemporaryDirectory::create(const Path& prefix,
                                                      std::nothrow_t tag) noexcept {
    Result<std::string> path = mkdtemp(prefix, tag);
    if (!path) {
        return path.error();
    }
    return TemporaryDirectory(*std::move(path));
}

Result<void> TemporaryDirectory::remove(std::nothrow_t tag) noexcept {
    if (!path_.empty()) {
        if (const Result<std::uint64_t> removed = remove_all(path_, tag); !removed) {
            return removed.error();
        }
        path_.clear();
    }
    return {};
}

std::string TemporaryDirectory::keep() noexcept { return std::exchange(path_, {}); }

TemporaryFile::TemporaryFile(NewFile made) noexcept : made_(std::move(made)) {}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept : made_(other.keep()) {}

TemporaryFile& TemporaryFile::operator=(TemporaryFile&& other) noexcept {
    std::swap(made_, other.made_);
    return *this;
}

TemporaryFile::~TemporaryFile() {
    if (!made_.path.empty()) {
        forget_fs(loop_here(), uv_fs_unlink, made_.path.c_str());
    }
}

Result<TemporaryFile> TemporaryFile::create(std::nothrow_t tag) noexcept {
    const Result<std::string> prefix = standard_prefix();
    return prefix ? create(*prefix, tag) : prefix.error();
}

Result<TemporaryFile> TemporaryFile::create(const Path& prefix, std::nothrow_t tag) noexcept {
    Result<NewFile> made = mkstemp(prefix, tag);
    if (!made) {
        return made.error();
    }
    return TemporaryFile(*std::move(made));
}

Result<void> TemporaryFile::remove(std::nothrow_t tag) noexcept {
    if (!made_.path.empty()) {
        if (Result<void> closed = made_.file.close(tag); !closed) {
            return closed;
        }
        if (Result<void> removed = unlink(made_.path, tag); !removed) {
            return removed;
        }
        made_.path.clear();
    }
    return {};
}

NewFile TemporaryFile::keep() noexcept {
    return {std::move(made_.file), std::exchange(made_.path, {})};
}

}  // namespace coloop::fs

// SPDX-License-Identifier: MIT
//
// Files, their names, and the names of hosts.
#include <algorithm>

#include <coloop/coloop.h>
#include <coloop/dns.hpp>
#include <coloop/file.hpp>
#include <coloop/fs.hpp>

#include "c_api/guarded.hpp"
#include "c_api/values.hpp"

namespace coloop::c_api {

namespace {

OpenMode mode_of(unsigned mode) noexcept {
    static_assert(static_cast<unsigned>(OpenMode::read) == COLOOP_READ &&
                  static_cast<unsigned>(OpenMode::write) == COLOOP_WRITE &&
                  static_cast<unsigned>(OpenMode::append) == COLOOP_APPEND &&
                  static_cast<unsigned>(OpenMode::create) == COLOOP_CREATE &&
                  static_cast<unsigned>(OpenMode::exclusive) == COLOOP_EXCLUSIVE &&
                  static_cast<unsigned>(OpenMode::truncate) == COLOOP_TRUNCATE);
    return static_cast<OpenMode>(mode);
}

}  // namespace

}  // namespace coloop::c_api

using namespace coloop::c_api;
using coloop::File;

int coloop_file_open(const char* path, unsigned mode, unsigned permissions, coloop_file** file) {
    return hand_over(File::open(path, mode_of(mode), permissions, std::nothrow), file);
}

std::int64_t coloop_file_read(coloop_file* file, void* buffer, std::size_t size) {
    return count_of(object_of<File>(file).read(bytes_at(buffer, size), std::nothrow));
}

std::int64_t coloop_file_read_at(coloop_file* file, void* buffer, std::size_t size,
                                 std::uint64_t offset) {
    return count_of(object_of<File>(file).read_at(bytes_at(buffer, size), offset, std::nothrow));
}

int coloop_file_write(coloop_file* file, const void* bytes, std::size_t size) {
    return status_of(object_of<File>(file).write(bytes_at(bytes, size), std::nothrow));
}

int coloop_file_write_at(coloop_file* file, const void* bytes, std::size_t size,
                         std::uint64_t offset) {
    return status_of(object_of<File>(file).write_at(bytes_at(bytes, size), offset, std::nothrow));
}

std::int64_t coloop_file_size(coloop_file* file) {
    const auto info = object_of<File>(file).stat(std::nothrow);
    return info ? static_cast<std::int64_t>(info->size) : fail(info.error());
}

int coloop_file_truncate(coloop_file* file, std::uint64_t size) {
    return status_of(object_of<File>(file).truncate(size, std::nothrow));
}

int coloop_file_sync(coloop_file* file) {
    return status_of(object_of<File>(file).sync(std::nothrow));
}

int coloop_file_free(coloop_file* file) {
    const int status = status_of(object_of<File>(file).close(std::nothrow));
    delete &object_of<File>(file);
    return status;
}

int coloop_unlink(const char* path) { return status_of(coloop::fs::unlink(path, std::nothrow)); }

int coloop_rename(const char* from, const char* to) {
    return status_of(coloop::fs::rename(from, to, std::nothrow));
}

int coloop_mkdir(const char* path, unsigned permissions) {
    return status_of(coloop::fs::mkdir(path, permissions, std::nothrow));
}

int coloop_rmdir(const char* path) { return status_of(coloop::fs::rmdir(path, std::nothrow)); }

int coloop_resolve(const char* host, coloop_address* addresses, std::size_t count) {
    const auto found = coloop::resolve(host, std::nothrow);
    if (!found) {
        return fail(found.error());
    }
    for (std::size_t i = 0; i < std::min(count, found->size()); ++i) {
        store((*found)[i], addresses[i]);
    }
    return static_cast<int>(found->size());
}

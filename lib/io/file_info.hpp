// SPDX-License-Identifier: MIT
#pragma once

#include <uv.h>

#include <coloop/file_info.hpp>

namespace coloop {

FileInfo info_from(const uv_stat_t& stat) noexcept;

SpaceInfo info_from(const uv_statfs_t& statfs) noexcept;

FileKind kind_from(uv_dirent_type_t type) noexcept;

/// libuv's form of a time.
double seconds_from(FileTime time) noexcept;

}  // namespace coloop

// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <coloop/result.hpp>

#include "io/file_node.hpp"

namespace coloop {

using ReadPieces = std::span<const std::span<std::byte>>;
using WritePieces = std::span<const std::span<const std::byte>>;

/// Stands for the file's own position.
inline constexpr std::int64_t at_position = -1;

/// Reads once, from the page cache if it holds what is asked for, else on the pool.
Result<std::size_t> read_pieces(const std::shared_ptr<FileNode>& file, ReadPieces pieces,
                                std::int64_t offset) noexcept;

/// Writes all, in as many requests as it takes.
Result<void> write_pieces(const std::shared_ptr<FileNode>& file, WritePieces pieces,
                          std::int64_t offset) noexcept;

}  // namespace coloop

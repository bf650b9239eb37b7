// SPDX-License-Identifier: MIT
//
// Moving bytes between descriptors within the kernel, where it can. Each call returns how many
// bytes it has moved, or a libuv code; UV_ENOTSUP where there is no such call at all.
#pragma once

#include <cstddef>
#include <cstdint>

#include <uv.h>

namespace coloop {

/// The position of a file, in bytes; negative if it can't seek.
std::int64_t file_position(uv_file file) noexcept;
void set_file_position(uv_file file, std::int64_t position) noexcept;

/// From a file at `offset` to a socket, without waiting for the socket. May wait for a disk.
std::int64_t send_from_file(uv_file socket, uv_file file, std::int64_t offset,
                            std::size_t most) noexcept;

/// From one descriptor to another, one of which is a pipe; never waits.
std::int64_t splice_some(uv_file from, uv_file to, std::size_t most) noexcept;

/// A second descriptor for what libuv has open, which stays valid when libuv closes its own.
class DuplicateDescriptor {
public:
    explicit DuplicateDescriptor(const uv_handle_t* handle) noexcept;
    DuplicateDescriptor(const DuplicateDescriptor&) = delete;
    DuplicateDescriptor& operator=(const DuplicateDescriptor&) = delete;
    ~DuplicateDescriptor();

    /// Negative if there is none.
    [[nodiscard]] uv_file file() const noexcept { return file_; }

private:
    uv_file file_ = -1;
};

/// A pipe that bytes pass through on their way from one descriptor to another.
class TransitPipe {
public:
    /// How much it takes, if the system lets it.
    static constexpr std::size_t size = std::size_t{1} << 20;

    TransitPipe() noexcept;
    TransitPipe(const TransitPipe&) = delete;
    TransitPipe& operator=(const TransitPipe&) = delete;
    ~TransitPipe();

    [[nodiscard]] bool is_open() const noexcept { return ends_[0] >= 0; }

    [[nodiscard]] uv_file in() const noexcept { return ends_[1]; }

    [[nodiscard]] uv_file out() const noexcept { return ends_[0]; }

    /// Takes out some of what is in it.
    std::int64_t read(std::byte* buffer, std::size_t count) const noexcept;

private:
    uv_file ends_[2] = {-1, -1};
};

}  // namespace coloop

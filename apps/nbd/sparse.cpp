// SPDX-License-Identifier: MIT
#include "sparse.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace nbd {

namespace {

/// Calls `function(descriptor)` on a thread of the pool, for all of these may ask the disk.
template <typename Function>
auto on_pool(const coloop::File& file, Function function) {
    return coloop::run_blocking([descriptor = static_cast<int>(file.native_handle()), function] {
        return function(descriptor);
    });
}

[[noreturn]] void fail(int number, std::string_view operation, const coloop::File& file) {
    throw coloop::Error(std::error_code(number, std::system_category()), operation, file.name());
}

bool allocate(const coloop::File& file, std::string_view operation, int mode, std::uint64_t offset,
              std::uint64_t length) {
    const int number = on_pool(file, [=](int descriptor) {
        int result = 0;
        do {
            result = fallocate(descriptor, mode | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                               static_cast<off_t>(length));
        } while (result != 0 && errno == EINTR);
        return result == 0 ? 0 : errno;
    });
    if (number == 0) {
        return true;
    }
    if (number == EOPNOTSUPP || number == EINVAL) {  // as a device, for less than its blocks
        return false;
    }
    fail(number, operation, file);
}

}  // namespace

std::uint64_t size_of(const coloop::File& file) {
    const off_t size = on_pool(file, [](int descriptor) {
        const off_t end = lseek(descriptor, 0, SEEK_END);
        return end < 0 ? -errno : end;
    });
    if (size < 0) {
        fail(static_cast<int>(-size), "find the end of", file);
    }
    return static_cast<std::uint64_t>(size);
}

bool punch_hole(const coloop::File& file, std::uint64_t offset, std::uint64_t length) {
    return allocate(file, "punch a hole in", FALLOC_FL_PUNCH_HOLE, offset, length);
}

bool zero_range(const coloop::File& file, std::uint64_t offset, std::uint64_t length) {
    return allocate(file, "zero a range of", FALLOC_FL_ZERO_RANGE, offset, length);
}

std::vector<Extent> extents_of(const coloop::File& file, std::uint64_t offset, std::uint64_t length,
                               std::size_t most) {
    return on_pool(file, [=](int descriptor) {
        std::vector<Extent> extents;
        auto position = static_cast<off_t>(offset);
        const auto end = static_cast<off_t>(offset + length);
        while (position < end && extents.size() < most) {
            off_t data = lseek(descriptor, position, SEEK_DATA);
            if (data < 0) {
                data = errno == ENXIO ? end : position;  // no more data, or no idea
            }
            const bool hole = data > position;
            off_t next = hole ? data : lseek(descriptor, position, SEEK_HOLE);
            next = next > position ? std::min(next, end) : end;
            extents.push_back({static_cast<std::uint64_t>(next - position), hole});
            position = next;
        }
        return extents;
    });
}

void read_ahead(const coloop::File& file, std::uint64_t offset, std::uint64_t length) {
    on_pool(file, [=](int descriptor) {
        return posix_fadvise(descriptor, static_cast<off_t>(offset), static_cast<off_t>(length),
                             POSIX_FADV_WILLNEED);
    });
}

}  // namespace nbd

// SPDX-License-Identifier: MIT
#include "disk.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace nbd {

namespace {

constexpr std::size_t most_at_once = std::size_t{256} << 10;  // bytes that a thread writes

/// Locks a part of a disk, always in this order, so that two can't block each other.
template <typename Lock, std::size_t count>
std::vector<Lock> lock(std::array<coloop::CoRwlock, count>& locks, std::uint64_t offset,
                       std::uint64_t length) {
    constexpr std::uint64_t stripe = std::uint64_t{1} << 20;
    const std::uint64_t first = offset / stripe;
    const std::uint64_t others = (offset + std::max<std::uint64_t>(length, 1) - 1) / stripe - first;
    std::vector<Lock> held;
    for (std::uint64_t i = 0; i < count; ++i) {
        if ((i - first) % count <= others) {
            held.emplace_back(locks[i]);
        }
    }
    return held;
}

using Shared = std::shared_lock<coloop::CoRwlock>;
using Exclusive = std::unique_lock<coloop::CoRwlock>;

[[noreturn]] void fail(int number, std::string_view operation, const coloop::File& file) {
    throw coloop::Error(std::error_code(number, std::system_category()), operation, file.name());
}

/// 0, or the number of the error.
int write_all(int descriptor, std::span<const std::byte> bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t count =
            pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0) {
            return errno;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return 0;
}

/// Calls `function(descriptor)` on a thread of the pool: for what libuv has no function for.
template <typename Function>
auto on_pool(const coloop::File& file, Function function) {
    return coloop::run_blocking([descriptor = static_cast<int>(file.native_handle()), function] {
        return function(descriptor);
    });
}

/// Makes a hole, or zeros; false if the file system can't.
bool allocate(const coloop::File& file, int mode, std::uint64_t offset, std::uint64_t length) {
    const int number = on_pool(file, [=](int descriptor) {
        return fallocate(descriptor, mode | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                         static_cast<off_t>(length)) == 0
                   ? 0
                   : errno;
    });
    if (number != 0 && number != EOPNOTSUPP && number != EINVAL) {  // a device: less than a block
        fail(number, "zero a range of", file);
    }
    return number == 0;
}

}  // namespace

std::unique_ptr<Disk> Disk::open(std::string name, const std::string& path, bool read_only) {
    const coloop::FileKind kind = coloop::fs::stat(path).kind;
    if (kind != coloop::FileKind::regular && kind != coloop::FileKind::block_device) {
        throw std::runtime_error("export " + path + ": neither file nor block device");
    }
    coloop::File file =
        coloop::File::open(path, read_only ? coloop::OpenMode::read : coloop::OpenMode::read_write);
    const off_t size = on_pool(file, [](int descriptor) { return lseek(descriptor, 0, SEEK_END); });
    return std::make_unique<Disk>(std::move(name), read_only, static_cast<std::uint64_t>(size),
                                  std::move(file));
}

void Disk::read(std::span<std::byte> buffer, std::uint64_t offset) {
    const auto held = lock<Shared>(locks_, offset, buffer.size());
    while (!buffer.empty()) {
        const std::size_t count = file_.read_at(buffer, offset);
        if (count == 0) {  // somebody else has made the file shorter
            throw coloop::Error(coloop::Errc::end_of_stream, "read", file_.name());
        }
        buffer = buffer.subspan(count);
        offset += count;
    }
}

/// To wait for a thread takes longer than to write to the page cache, so one carries out all that
/// have come meanwhile. Not cancelled: others may have it in hand.
void Disk::write(std::span<const std::byte> bytes, std::uint64_t offset) {
    const auto held = lock<Exclusive>(locks_, offset, bytes.size());
    Write mine{bytes, offset};
    queued_.push_back(&mine);
    coloop::uncancellable([&] {
        const std::lock_guard turn(writing_);
        if (!mine.done) {  // with those of who had his turn before
            write_queued();
        }
    });
    if (mine.error != 0) {
        fail(mine.error, "write", file_);
    }
}

void Disk::write_queued() {
    std::vector<Write*> taken;
    for (std::size_t bytes = 0; !queued_.empty() && bytes < most_at_once; queued_.pop_front()) {
        taken.push_back(queued_.front());
        bytes += taken.back()->bytes.size();
    }
    on_pool(file_, [&taken](int descriptor) {
        for (Write* one : taken) {
            one->error = write_all(descriptor, one->bytes, one->offset);
            one->done = true;
        }
    });
}

void Disk::trim(std::uint64_t offset, std::uint64_t length) {
    const auto held = lock<Exclusive>(locks_, offset, length);
    static_cast<void>(allocate(file_, FALLOC_FL_PUNCH_HOLE, offset, length));
}

bool Disk::zero(std::uint64_t offset, std::uint64_t length, bool may_be_hole, bool only_fast) {
    const auto held = lock<Exclusive>(locks_, offset, length);
    const int mode = may_be_hole ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
    if (allocate(file_, mode, offset, length)) {
        return true;
    }
    if (only_fast) {
        return false;
    }
    const std::vector<std::byte> zeros(std::min<std::uint64_t>(length, std::size_t{1} << 20));
    for (std::uint64_t done = 0; done < length; done += zeros.size()) {
        file_.write_at(std::span(zeros).first(std::min<std::uint64_t>(length - done, zeros.size())),
                       offset + done);
    }
    return true;
}

void Disk::flush() {
    const std::uint64_t mine = ++flushes_asked_;
    const std::lock_guard turn(flushing_);
    if (flush_failure_) {  // the system forgets what it could not write, and would say yes now
        throw coloop::Error(*flush_failure_);
    }
    if (flushes_done_ >= mine) {  // by one that began after this call
        return;
    }
    const std::uint64_t covered = flushes_asked_;
    // Not cancelled: the system tells of a failure once, and that has to be kept for the others.
    const auto synced = coloop::uncancellable([&] { return file_.data_sync(std::nothrow); });
    if (!synced) {
        flush_failure_ = synced.error();
        throw coloop::Error(*flush_failure_);
    }
    flushes_done_ = covered;
}

std::vector<Extent> Disk::extents(std::uint64_t offset, std::uint64_t length, std::size_t most) {
    const auto held = lock<Shared>(locks_, offset, length);
    return on_pool(file_, [=](int descriptor) {
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

void Disk::prefetch(std::uint64_t offset, std::uint64_t length) {
    on_pool(file_, [=](int descriptor) {
        return posix_fadvise(descriptor, static_cast<off_t>(offset), static_cast<off_t>(length),
                             POSIX_FADV_WILLNEED);
    });
}

}  // namespace nbd

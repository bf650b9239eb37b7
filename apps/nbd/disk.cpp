// SPDX-License-Identifier: MIT
#include "disk.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>

namespace nbd {

using Access = RangeLocks::Access;

std::unique_ptr<Disk> Disk::open(DiskOptions options) {
    const coloop::FileKind kind = coloop::fs::stat(options.path).kind;
    if (kind != coloop::FileKind::regular && kind != coloop::FileKind::block_device) {
        throw std::runtime_error("export " + options.path + ": neither file nor block device");
    }
    const auto mode = options.read_only ? coloop::OpenMode::read : coloop::OpenMode::read_write;
    coloop::File file = coloop::File::open(options.path, mode);
    const std::uint64_t size = size_of(file);
    return std::make_unique<Disk>(std::move(options), std::move(file), size);
}

void Disk::read(std::span<std::byte> buffer, std::uint64_t offset) {
    RangeLocks::Guard guard(ranges_, Access::shared);
    guard.lock(offset, buffer.size());
    while (!buffer.empty()) {
        const std::size_t count = file_.read_at(buffer, offset);
        if (count == 0) {  // somebody else has made the file shorter
            throw coloop::Error(coloop::Errc::end_of_stream, "read", file_.name());
        }
        buffer = buffer.subspan(count);
        offset += count;
    }
}

void Disk::write(std::span<const std::byte> bytes, std::uint64_t offset) {
    RangeLocks::Guard guard(ranges_, Access::exclusive);
    guard.lock(offset, bytes.size());
    file_.write_at(bytes, offset);
}

void Disk::trim(std::uint64_t offset, std::uint64_t length) {
    RangeLocks::Guard guard(ranges_, Access::exclusive);
    guard.lock(offset, length);
    (void)punch_hole(file_, offset, length);
}

bool Disk::zero(std::uint64_t offset, std::uint64_t length, Zeroing how) {
    RangeLocks::Guard guard(ranges_, Access::exclusive);
    guard.lock(offset, length);
    if (how.may_be_hole ? punch_hole(file_, offset, length) : zero_range(file_, offset, length)) {
        return true;
    }
    if (how.only_fast) {
        return false;
    }
    write_zeros(offset, length);
    return true;
}

void Disk::write_zeros(std::uint64_t offset, std::uint64_t length) {
    const std::vector<std::byte> zeros(std::min<std::uint64_t>(length, std::size_t{1} << 20));
    while (length > 0) {
        const std::uint64_t size = std::min<std::uint64_t>(length, zeros.size());
        file_.write_at(std::span(zeros).first(size), offset);
        offset += size;
        length -= size;
    }
}

void Disk::flush() {
    const std::uint64_t mine = ++flushes_asked_;
    const std::lock_guard turn(flushing_);
    if (flush_failure_) {  // the system forgets what it could not write, and would say yes next
                           // time
        throw coloop::Error(*flush_failure_);
    }
    if (flushes_done_ >= mine) {  // by one that began after this call
        return;
    }
    const std::uint64_t covered = flushes_asked_;
    if (const coloop::Result<void> done = file_.data_sync(std::nothrow); !done) {
        if (done.error().code() != coloop::Errc::cancelled) {
            flush_failure_ = done.error();
        }
        done.value();
    }
    flushes_done_ = covered;
}

std::vector<Extent> Disk::extents(std::uint64_t offset, std::uint64_t length, std::size_t most) {
    RangeLocks::Guard guard(ranges_, Access::shared);
    guard.lock(offset, length);
    return extents_of(file_, offset, length, most);
}

}  // namespace nbd

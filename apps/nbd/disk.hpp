// SPDX-License-Identifier: MIT
//
// A file that clients see as a disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <coloop/coloop.hpp>

#include "range_locks.hpp"
#include "sparse.hpp"

namespace nbd {

struct DiskOptions {
    std::string name;
    std::string path;
    std::string description = {};
    bool read_only = false;
};

/// All connections share it. Its functions wait, and throw coloop::Error if the file does not do as
/// it should. Requests that overlap are carried out one after the other, so that each is whole, and
/// in the order of asking as far as they overlap in one place.
class Disk {
public:
    /// Opens the file, which keeps the size it has now. Throws if it can't be served.
    static std::unique_ptr<Disk> open(DiskOptions options);

    Disk(DiskOptions options, coloop::File file, std::uint64_t size)
        : options_(std::move(options)), file_(std::move(file)), size_(size) {}

    [[nodiscard]] const DiskOptions& options() const noexcept { return options_; }

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

    void read(std::span<std::byte> buffer, std::uint64_t offset);

    void write(std::span<const std::byte> bytes, std::uint64_t offset);

    /// Gives the space back if the file system can; otherwise nothing happens.
    void trim(std::uint64_t offset, std::uint64_t length);

    struct Zeroing {
        bool may_be_hole;  ///< gives the space back
        bool only_fast;    ///< does not write zeros where the file system has no better way
    };

    /// False if it was to be fast and can't be; nothing has changed then.
    [[nodiscard]] bool zero(std::uint64_t offset, std::uint64_t length, Zeroing how);

    /// Returns when all that was written before the call is on the disk. Calls at the same time
    /// share one system call.
    void flush();

    [[nodiscard]] std::vector<Extent> extents(std::uint64_t offset, std::uint64_t length,
                                              std::size_t most);

    void prefetch(std::uint64_t offset, std::uint64_t length) { read_ahead(file_, offset, length); }

private:
    void write_zeros(std::uint64_t offset, std::uint64_t length);

    DiskOptions options_;
    coloop::File file_;
    std::uint64_t size_;
    RangeLocks ranges_;

    coloop::CoMutex flushing_;
    std::uint64_t flushes_asked_ = 0;
    std::uint64_t flushes_done_ = 0;  // of those who asked, in their order
    std::optional<coloop::Error> flush_failure_;
};

}  // namespace nbd

// SPDX-License-Identifier: MIT
//
// A file that clients see as a disk.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <coloop/coloop.hpp>

namespace nbd {

/// A part of a disk that is all data or all hole.
struct Extent {
    std::uint64_t length;
    bool hole;
};

/// All connections share it. Its functions wait, and throw coloop::Error if the file does not do as
/// it should. Requests that overlap are carried out one after the other, so that each is whole, and
/// in the order of asking as far as they overlap in one place.
class Disk {
public:
    /// Opens a file or block device, which keeps the size it has now. Throws if it can't be served.
    static std::unique_ptr<Disk> open(std::string name, const std::string& path, bool read_only);

    Disk(std::string its_name, bool is_read_only, std::uint64_t its_size, coloop::File file)
        : name(std::move(its_name)),
          read_only(is_read_only),
          size(its_size),
          file_(std::move(file)) {}

    const std::string name;
    const bool read_only;
    const std::uint64_t size;

    void read(std::span<std::byte> buffer, std::uint64_t offset);

    void write(std::span<const std::byte> bytes, std::uint64_t offset);

    /// Gives the space back if the file system can; otherwise nothing happens.
    void trim(std::uint64_t offset, std::uint64_t length);

    /// Makes zeros, and gives their space back if they may be a hole. If it was to be fast, writes
    /// none where the file system has no better way: returns false, and nothing has changed.
    [[nodiscard]] bool zero(std::uint64_t offset, std::uint64_t length, bool may_be_hole,
                            bool only_fast);

    /// Returns when all that was written before the call is on the disk. Calls at the same time
    /// share one system call.
    void flush();

    /// What a range consists of, up to `most` extents, at least one. A file system that doesn't
    /// know has only data.
    [[nodiscard]] std::vector<Extent> extents(std::uint64_t offset, std::uint64_t length,
                                              std::size_t most);

    /// Tells the system to read a range soon.
    void prefetch(std::uint64_t offset, std::uint64_t length);

private:
    /// In the frame of whoever waits for it.
    struct Write {
        std::span<const std::byte> bytes;
        std::uint64_t offset;
        int error = EIO;  // unless it is done
        bool done = false;
    };

    void write_queued();

    coloop::File file_;
    std::array<coloop::CoRwlock, 64> locks_;  // for stripes, in turn; readers share them

    coloop::CoMutex writing_;
    std::deque<Write*> queued_;  // in the order of their turns

    coloop::CoMutex flushing_;
    std::uint64_t flushes_asked_ = 0;
    std::uint64_t flushes_done_ = 0;  // of those who asked, in their order
    std::optional<coloop::Error> flush_failure_;
};

}  // namespace nbd
